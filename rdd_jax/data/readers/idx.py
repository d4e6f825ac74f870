"""Reads LeCun's IDX files, MNIST's format."""

from __future__ import annotations

import gzip
import math
from pathlib import Path
import struct
from typing import BinaryIO
import zlib

import numpy as np

from rdd_jax.core.errors import UserError
from rdd_jax.data import images
from rdd_jax.data.checks import class_numbers
from rdd_jax.data.dataset import Split
from rdd_jax.data.readers.listing import directory
from rdd_jax.data.readers.request import Request
from rdd_jax.runtime.sizes import require_memory

_STEMS = {'train': ('train',), 'all': ('train',), 'test': ('t10k', 'test')}


def read_idx(path: Path, request: Request) -> list[Split]:
  """Reads LeCun's IDX files: `train-` or `t10k-`, `images-idx3`, `labels-idx1`.

  Args:
    path: of the directory.
    request: of 'train' and 'test'; 'all' is train.

  Raises:
    UserError: for a missing or damaged file, or another split.
  """
  root, out = directory(path, request.name), []
  for name in request.splits:
    if name not in _STEMS:
      raise UserError(
        f'{request.name} has no split {name!r}; IDX directories have train '
        'and test'
      )
    pixels = _idx_array(root, _STEMS[name], 'images', 3)[..., None]
    pixels = images.convert(pixels, request.size, request.channels)
    labels = _idx_array(root, _STEMS[name], 'labels', 1)
    out.append(Split(pixels, labels, class_numbers(labels)))
  return out


def _idx_array(
  root: Path, stems: tuple[str, ...], kind: str, rank: int
) -> np.ndarray:
  candidates = [
    root / f'{stem}-{kind}{dot}idx{rank}-ubyte{gz}'
    for stem in stems
    for dot in '-.'
    for gz in ('', '.gz')
  ]
  file = next((c for c in candidates if c.is_file()), None)
  if file is None:
    raise UserError(
      f'{root} has no {candidates[0].name} (or .gz); put the IDX files there'
    )
  try:
    with gzip.open(file) if file.suffix == '.gz' else file.open('rb') as opened:
      return _read(opened, file, rank)
  except (OSError, EOFError, zlib.error) as error:
    raise UserError(
      f'{file} cannot be read ({error}); download it again'
    ) from error


def _read(
  opened: BinaryIO | gzip.GzipFile, file: Path, rank: int
) -> np.ndarray:
  header = opened.read(4 + 4 * rank)
  # Two zero bytes, 8 for unsigned bytes, and the number of dimensions.
  if len(header) < 4 + 4 * rank or header[:4] != bytes((0, 0, 8, rank)):
    raise UserError(
      f'{file} starts with {header[:4].hex() or "nothing"}, not the IDX magic '
      f'number 0000080{rank}; give an IDX file of unsigned bytes'
    )
  shape = struct.unpack(f'>{rank}I', header[4:])
  size = math.prod(shape)
  require_memory(size, f'{file}, of {shape} bytes,')
  raw, more = opened.read(size), opened.read(1)
  if len(raw) < size or more:
    raise UserError(
      f'{file} holds {f"more than {size}" if more else len(raw)} bytes where '
      f'its header {shape} says {size}; download it again'
    )
  return np.frombuffer(raw, np.uint8).reshape(shape)
