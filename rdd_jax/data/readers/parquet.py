"""Reads images that stand in parquet files."""

from __future__ import annotations

import os
from pathlib import Path
import re

from rdd_jax.core.errors import UserError
from rdd_jax.data.dataset import Split
from rdd_jax.data.readers import arrow, layout, listing, walk
from rdd_jax.data.readers.parquet_file import read_table
from rdd_jax.data.readers.report import some
from rdd_jax.data.readers.request import Request


def read_parquet(path: Path, request: Request) -> list[Split]:
  """Reads a parquet file, or all below a directory.

  A file is of the split that it, or a directory above it, is called by:
  `train-00000-of-00004.parquet`, `data/test.parquet`, `valid/0000.parquet`;
  of train, if by none. Rows keep their order.

  Args:
    path: of the file or directory.
    request: of its splits.

  Raises:
    UserError: for a damaged file, or as `folder.read_splits`.
  """
  where, found = request.name, [path]
  if not path.is_file():
    found = _below(listing.directory(path, where))
  if not found:
    raise UserError(f'{where} has no .parquet files; check the path')
  tops = {
    file.parent for file in found if layout.role(file.parent.name) is None
  }
  if len(tops) > 1:
    inner = sorted(os.path.relpath(top, path) for top in tops)
    raise UserError(
      f'{where} has parquet files in {len(tops)} directories '
      f'({some(inner)}), which may be several data sets; give the path of one'
    )
  parts = [arrow.Part(f, _split_of(f, path), read_table) for f in found]
  return arrow.read(parts, request)


def is_parquet(path: Path) -> bool:
  """Tells whether a directory holds parquet files, and no images."""
  return not walk.has_images(path) and bool(_below(path))


def _below(root: Path) -> list[Path]:
  return [
    file
    for file in sorted(root.rglob('*.parquet'))
    if not any(map(walk.is_hidden, file.relative_to(root).parts))
  ]


def _split_of(file: Path, root: Path) -> str:
  """The split that a file is called by, or else a directory above it."""
  inner = file.relative_to(root).parts if file != root else (file.name,)
  for part in reversed(inner):
    word = re.split(r'[-_.]', part)[0]
    if layout.role(word):
      return word
  return ''
