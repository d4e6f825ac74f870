"""Reads a path by what is found there: a folder of images, or other layouts."""

from __future__ import annotations

from collections.abc import Callable
import os
from pathlib import Path

from rdd_jax.data.dataset import Split
from rdd_jax.data.readers import (
  folder,
  imagenet,
  listing,
  npz,
  parquet,
  pickles,
  saved,
  table,
  tiny,
)
from rdd_jax.data.readers.request import Request

Reader = Callable[[Path, Request], list[Split]]

_FILES: dict[str, Reader] = {
  '.npz': npz.read_npz,
  '.parquet': parquet.read_parquet,
  **dict.fromkeys(table.SUFFIXES, table.read_csv),
}


def read_any(path: Path, request: Request) -> list[Split]:
  """Reads splits of whatever stands at a path.

  | what is there | how it is read |
  |---|---|
  | a `.csv`, `.npz` or `.parquet` file | `read_csv`, `read_npz`, ... |
  | `metadata.csv`, `.jsonl` or `.parquet` | `table.read_metadata` |
  | what `datasets` saved to disk | `saved.read_saved` |
  | `cifar-10-batches-py`, `cifar-100-python` | `pickles.read_pickles` |
  | `tiny-imagenet-200` | `tiny.read_tiny` |
  | ImageNet, `val/` without classes | `imagenet.read_imagenet` |
  | parquet or npy files, and no images | `read_parquet`, `read_npz` |
  | anything else | `folder.read_splits` |

  What is the only directory in another, as some archives unpack, is found too.

  Args:
    path: of a file or directory.
    request: of its splits.

  Raises:
    UserError: as the reader does.
  """
  place, reader = find(path, request.name)
  if reader is None:
    return folder.read_splits(path, request)
  return reader(place, request)


def find(path: Path, where: str) -> tuple[Path, Reader | None]:
  """Finds the reader of a path, and the directory that it reads.

  Args:
    path: of a file or directory.
    where: what an error calls it.

  Returns:
    The path or the only directory in it, and its reader; None is that of
    images in directories.

  Raises:
    UserError: for what is no directory, or empty, or has two tables.

  >>> find(Path(__file__).parent, 'it')[1]
  """
  suffix = path.suffix.lower()
  if path.is_file() and suffix in _FILES:
    return path, _FILES[suffix]
  root = listing.directory(path, where)
  if table.metadata(root):
    return root, table.read_metadata
  inside = [entry.path for entry in os.scandir(root) if entry.is_dir()]
  places = [root, *(Path(p) for p in inside if len(inside) == 1)]
  for place in places:
    for is_it, reader in (
      (saved.is_saved, saved.read_saved),
      (pickles.is_pickles, pickles.read_pickles),
      (tiny.is_tiny, tiny.read_tiny),
      (imagenet.is_imagenet, imagenet.read_imagenet),
      (parquet.is_parquet, parquet.read_parquet),
      (npz.is_npy, npz.read_npz),
    ):
      if is_it(place):
        return place, reader
  return root, None
