"""Loads a data set by its name."""

from __future__ import annotations

from dataclasses import replace
import difflib
from pathlib import Path

import numpy as np

from rdd_jax.core import plugins
from rdd_jax.core.errors import UserError
from rdd_jax.data import images
from rdd_jax.data.dataset import Dataset, Split, check_split, from_arrays
from rdd_jax.data.readers import (
  digits,
  idx,
  npz,
  parquet,
  saved,
  subgroups,
  table,
  tfds,
  unlabeled,
)
from rdd_jax.data.readers.recognize import Reader, read_any
from rdd_jax.data.readers.splits import ALL
from rdd_jax.images.published import SHAPES
from rdd_jax.runtime.logging import say

PATHS: dict[str, Reader] = {
  'folder': read_any,
  'csv': table.read_csv,
  'parquet': parquet.read_parquet,
  'hf': saved.read_saved,
  'npz': npz.read_npz,
  'npy': npz.read_npz,
  'idx': idx.read_idx,
  'waterbirds': subgroups.read_waterbirds,
  'celeba': subgroups.read_celeba,
}
OWN = 'python'
_HELP = (
  f'digits, tfds:NAME, {", ".join(f"{scheme}:PATH" for scheme in PATHS)} or '
  'python:MODULE:FUNCTION'
)


def load(
  name: str,
  *,
  data_dir: str | None = None,
  size: images.Size = None,
  channels: int | None = None,
) -> Dataset:
  """Loads the training and test splits of a data set.

  | name | what is read |
  |---|---|
  | `digits` | scikit-learn's 8x8 digits; 500 images are held out for test |
  | `tfds:NAME` | array_record files that TensorFlow Datasets prepared, |
  | | without TensorFlow; also `NAME/CONFIG` and `NAME:VERSION` |
  | `folder:PATH` | `PATH/train/CLASS/**.png`, `PATH/test/CLASS/**.png`, or |
  | | `PATH/CLASS/**.png`, of which a fifth is held out for test; and what is |
  | | recognized by its files: `metadata.csv`, what `datasets` saved, CIFAR's |
  | | pickles, `tiny-imagenet-200`, see `readers/recognize.py` |
  | `csv:PATH` | a row an image: `file_name`, `label`; also `split`, `group` |
  | `parquet:PATH` | a file, or a directory, with a column of encoded images |
  | `hf:PATH` | a directory that `save_to_disk` of `datasets` wrote |
  | `idx:PATH` | a directory of MNIST-style IDX files, plain or `.gz` |
  | `npz:PATH` | `train_images`, `train_labels`, `test_images`, |
  | | `test_labels`, or Keras' `x_train`, `y_train`, `x_test`, `y_test`, or |
  | | `X` and `y`, and optionally `train_groups` and `class_names` |
  | `npy:PATH` | a directory of `.npy` files called by these names |
  | `waterbirds:PATH` | a directory with `metadata.csv` (Sagawa et al. 2020): |
  | | landbirds and waterbirds, in groups by background |
  | `celeba:PATH` | a directory with `img_align_celeba/` and the lists of |
  | | attributes and partitions: blond or not, in groups by sex |
  | `python:MODULE:FUNCTION` | your own `() -> Dataset`, see `user_code` |

  Where there is no test split, the validation split is used for it, or else
  a fifth of each class is held out, but of `tfds:` and `idx:`. What a
  source holds besides, or what was not taken as it stands, is printed
  with counts, a line for each sort; `readers/` says the rules: `folder.py` of
  splits, `files.py` of sizes and damage, `decode.py` of pixels, `labels.py`.

  Args:
    name: one of the above.
    data_dir: where `tfds:` data sets are; by default `$RDD_JAX_DATA_DIR`,
      or else where TFDS keeps them, `~/tensorflow_datasets`.
    size: the height and width to resize to, up or down: an int, or (H, W).
      The aspect ratio is not kept. Bilinear, antialiased (Pillow's). None
      leaves images as they are, or in a folder of several sizes makes them
      squares of the median side, at most 64.
    channels: 3 repeats grayscale images; 1 takes the luma (ITU-R 601) of
      color images; None leaves them as they are, or in a folder of both
      makes all color.

  Raises:
    UserError: for an unknown name, or data that is missing or malformed.
  """
  scheme, _, where = name.partition(':')
  if scheme == OWN and where:
    return _own(name, where, size, channels)
  train, test = _read(name, ('train', 'test'), data_dir, size, channels)
  found = from_arrays(
    train.images,
    train.labels,
    test.images,
    test.labels,
    class_names=train.class_names,
    train_groups=train.groups,
    test_groups=test.groups,
    train_names=train.names,
    test_names=test.names,
    name=name,
  )
  return replace(found, notes=tuple(dict.fromkeys(train.notes + test.notes)))


def load_split(
  name: str,
  split: str,
  *,
  data_dir: str | None = None,
  size: images.Size = None,
  channels: int | None = None,
) -> Split:
  """Loads one split of a data set that `load` knows; others may be missing.

  Args:
    name: as in `load`.
    split: 'train', 'test' (or else the validation split), 'all', train with
      what would be held out of it, or for `tfds:` any split that TFDS
      understands, such as 'train[:1000]'.
    data_dir: as in `load`.
    size: as in `load`.
    channels: as in `load`.

  Raises:
    UserError: as in `load`.
  """
  scheme, _, where = name.partition(':')
  if scheme == OWN and where:
    split = 'train' if split == ALL else split
    return _one_of(_own(name, where, size, channels), split)
  return _read(name, (split,), data_dir, size, channels)[0]


def load_images(
  name: str,
  split: str,
  *,
  data_dir: str | None = None,
  size: images.Size = None,
  channels: int | None = None,
) -> np.ndarray:
  """Loads the images of a split, see `load_unlabeled`.

  Args:
    name: as in `load`.
    split: as in `load_split`.
    data_dir: as in `load`.
    size: as in `load`.
    channels: as in `load`.

  Returns:
    `u8[N, H, W, C]`.

  Raises:
    UserError: as in `load`.
  """
  options = {'data_dir': data_dir, 'size': size, 'channels': channels}
  return load_unlabeled(name, split, **options).images


def load_unlabeled(
  name: str,
  split: str,
  *,
  data_dir: str | None = None,
  size: images.Size = None,
  channels: int | None = None,
) -> Split:
  """Loads a split of which no labels are needed.

  Any images below the path of `folder:`, and any array of images of `npz:` or
  `npy:`, will do, see `unlabeled.read`; others are read as `load_split` does.

  Args:
    name: as in `load`.
    split: as in `load_split`.
    data_dir: as in `load`.
    size: as in `load`.
    channels: as in `load`.

  Returns:
    The rows; of one class where their labels were not looked for.

  Raises:
    UserError: as in `load`.
  """
  scheme, _, where = name.partition(':')
  if scheme not in ('folder', 'npz', 'npy') or not where:
    options = {'size': size, 'channels': channels}
    return load_split(name, split, data_dir=data_dir, **options)
  at = Path(where).expanduser()
  found = unlabeled.read(at, name, split, size, channels)
  for note in found.notes:
    say(note)
  return found


def _read(
  name: str,
  splits: tuple[str, ...],
  data_dir: str | None,
  size: images.Size,
  channels: int | None,
) -> list[Split]:
  """Reads and checks splits, and prints the notes of their readers."""
  scheme, colon, where = name.partition(':')
  if scheme not in PATHS:  # nothing is held out of others
    splits = tuple('train' if split == ALL else split for split in splits)
  if name == 'digits':
    found = [digits.read_digits(s, size, channels) for s in splits]
  elif scheme == 'tfds' and where:
    found = [tfds.read(where, s, data_dir, size, channels) for s in splits]
  elif scheme in PATHS and where:
    path = Path(where).expanduser()
    found = PATHS[scheme](path, name, splits, size, channels)
  else:
    raise UserError(_unknown(name, scheme, colon + where))
  for note in dict.fromkeys(note for s in found for note in s.notes):
    say(note)
  return [
    check_split(s, f'{name}: {split}')
    for s, split in zip(found, splits, strict=True)
  ]


def _own(
  name: str, where: str, size: images.Size, channels: int | None
) -> Dataset:
  """Calls the user's function, resizes its images, and names the data set."""
  found = plugins.call(f'data set {name}', where, Dataset)
  return replace(
    found,
    name=name,
    train_images=images.convert(found.train_images, size, channels),
    test_images=images.convert(found.test_images, size, channels),
  )


def _one_of(dataset: Dataset, split: str) -> Split:
  values = vars(dataset)
  if f'{split}_images' not in values:
    raise UserError(
      f'{dataset.name} has no split {split!r}; it has train and test'
    )
  return Split(
    values[f'{split}_images'],
    values[f'{split}_labels'],
    dataset.class_names,
    values[f'{split}_groups'],
    values[f'{split}_names'],
  )


def _unknown(name: str, scheme: str, rest: str) -> str:
  known = ['digits', *(f'tfds:{n}' for n in SHAPES)]
  near = difflib.get_close_matches(name, known, n=2)
  if not near and len(rest) > 1:
    schemes = difflib.get_close_matches(scheme, ['tfds', OWN, *PATHS], n=1)
    near = [s + rest for s in schemes]
  hint = f'did you mean {" or ".join(near)}? ' if near else ''
  return f'unknown data set {name!r}; {hint}names are {_HELP}'
