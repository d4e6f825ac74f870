"""Loads images of other data sets, resized and recolored: real outliers."""

from __future__ import annotations

from collections.abc import Sequence
import os
from pathlib import Path
import re
import zlib

import numpy as np

from rdd_jax.core.errors import UserError
from rdd_jax.data.load import load_unlabeled
from rdd_jax.data.ood.overlap import Overlap, check_overlap, of_no_class
from rdd_jax.runtime.logging import say

PATHS = ('folder', 'csv', 'parquet', 'hf', 'idx', 'npz', 'npy')


def load_outliers(
  source: str,
  shape: tuple[int, int, int],
  *,
  rows: int,
  seed: int,
  data_dir: str | None = None,
  class_names: Sequence[str] = (),
  overlap: Overlap = 'refuse',
) -> np.ndarray:
  """Loads real outliers to train with (outlier exposure).

  Args:
    source: images as in `load_images`, or SOURCE@SPLIT; by default the
      training split, so as not to meet the rows that `load_ood` tests on.
    shape: the (H, W, C) to resize and recolor to.
    rows: how many, at random where there are more; all where there are fewer.
    seed: which rows; not negative.
    data_dir: see `load`.
    class_names: of the data; what is of one of them is no outlier.
    overlap: 'refuse' a source that has such rows, 'leave_out' the rows, with
      a word, or 'keep' them, see `overlap.of_classes`.

  Returns:
    u8[n, H, W, C].

  Raises:
    UserError: as `load_images` does, for fewer than one row, and for a source
      that is refused.
  """
  check_rows(rows)
  check_overlap(overlap)
  rng = generator(seed, source)
  return read_rows(
    source, shape, rows, rng, data_dir, 'train', class_names, overlap
  )


def split_source(name: str, default: str = 'test') -> tuple[str, str]:
  """Splits SOURCE@SPLIT into the source and the split.

  A path that ends in @WORD needs a split after it.

  Args:
    name: SOURCE or SOURCE@SPLIT.
    default: the split where none is named.

  >>> split_source('tfds:mnist'), split_source('tfds:mnist@train[:5000]')
  (('tfds:mnist', 'test'), ('tfds:mnist', 'train[:5000]'))
  """
  found = re.fullmatch(r'(.+)@([A-Za-z]\w*(?:\[[^@/]*)?)', name)
  return (found[1], found[2]) if found else (name, default)


def read_rows(
  name: str,
  shape: tuple[int, int, int],
  rows: int,
  rng: np.random.Generator,
  data_dir: str | None,
  default: str,
  class_names: Sequence[str] = (),
  overlap: Overlap = 'keep',
  tests: bool = False,
) -> np.ndarray:
  """Reads some rows of SOURCE or SOURCE@SPLIT, resized and recolored.

  Args:
    name: SOURCE or SOURCE@SPLIT.
    shape: (H, W, C) of the result.
    rows: how many, at most.
    rng: draws which.
    data_dir: see `load`.
    default: the split where none is named.
    class_names: see `load_outliers`.
    overlap: see `load_outliers`.
    tests: see `overlap.of_no_class`.

  Returns:
    `u8[n, H, W, C]`.

  Raises:
    UserError: as `load_images` does, and for channels other than 1 or 3.
  """
  height, width, channels = shape
  check_channels(name, channels)
  source, split = split_source(name, default)
  found = load_unlabeled(
    source, split, data_dir=data_dir, size=(height, width), channels=channels
  )
  images, note = of_no_class(found, class_names, name, overlap, tests=tests)
  if note:
    say(note)
  return images[some_rows(rng, len(images), rows)]


def absent(name: str, data_dir: str | None) -> bool:
  """Tells whether a source has no files at all, rather than wrong ones.

  Args:
    name: SOURCE or SOURCE@SPLIT.
    data_dir: see `load`.
  """
  from tensorflow_datasets.core import constants

  source, _ = split_source(name)
  scheme, _, where = source.partition(':')
  if scheme in PATHS:
    return not Path(where).expanduser().exists()
  root = data_dir or os.environ.get('RDD_JAX_DATA_DIR') or constants.DATA_DIR
  directory = Path(root).expanduser() / where.partition(':')[0]
  return scheme == 'tfds' and not any(directory.glob('**/dataset_info.json'))


def generator(seed: int, name: str) -> np.random.Generator:
  return np.random.default_rng([seed, zlib.crc32(name.encode())])


def some_rows(rng: np.random.Generator, n: int, rows: int) -> np.ndarray:
  """Draws at most `rows` of the numbers below `n`, in order.

  Args:
    rng: the generator.
    n: how many there are to draw from.
    rows: how many, at most.

  >>> some_rows(np.random.default_rng(0), 3, 5)
  array([0, 1, 2])
  """
  return np.sort(rng.permutation(n)[:rows])


def check_rows(rows: int) -> None:
  if rows < 1:
    raise UserError(f'rows is {rows}; ask for at least 1 image of each set')


def check_channels(name: str, channels: int) -> None:
  if channels not in (1, 3):
    raise UserError(
      f'{name} has grayscale or colour images, which cannot be made like ones '
      f'of {channels} channels; leave it out, or give images of 1 or 3'
    )
