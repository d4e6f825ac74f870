"""Loads a data set by its name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from rdd_jax.data import images
from rdd_jax.data.dataset import Dataset, Split, from_arrays
from rdd_jax.data.read import OWN, one_of, own, read
from rdd_jax.data.readers import unlabeled
from rdd_jax.data.readers.request import Request
from rdd_jax.data.readers.splits import ALL
from rdd_jax.runtime import workers as processes
from rdd_jax.runtime.logging import say


def load(
  name: str,
  *,
  data_dir: str | None = None,
  size: images.Size = None,
  channels: int | None = None,
  stream: bool = False,
  workers: int | None = None,
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
    stream: leaves images on disk, where rows of them are read as they are
      asked for. Each is read once before, so that what is left out, and what
      is said, is as in memory.
    workers: processes that read a stream; None is one a core, at most 8, and
      0 reads in this process.

  Raises:
    UserError: for an unknown name, or data that is missing or malformed.
  """
  scheme, _, where = name.partition(':')
  if scheme == OWN and where:
    return own(name, where, size, channels)
  pool = processes.workers(workers) if stream else None
  splits = 'train', 'test'
  train, test = read(Request(name, splits, size, channels, data_dir, pool))
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
  stream: bool = False,
  workers: int | None = None,
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
    stream: as in `load`.
    workers: as in `load`.

  Raises:
    UserError: as in `load`.
  """
  scheme, _, where = name.partition(':')
  if scheme == OWN and where:
    split = 'train' if split == ALL else split
    return one_of(own(name, where, size, channels), split)
  pool = processes.workers(workers) if stream else None
  return read(Request(name, (split,), size, channels, data_dir, pool))[0]


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
  return images.whole(load_unlabeled(name, split, **options).images)


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
  `npy:`, will do, see `unlabeled.read`; others are read as `load_split` does,
  with rows whose label is -1.

  Args:
    name: as in `load`.
    split: as in `load_split`.
    data_dir: as in `load`.
    size: as in `load`.
    channels: as in `load`.

  Returns:
    The rows; of one class where their labels were not looked for, and those
    without a label of a class without a name.

  Raises:
    UserError: as in `load`.
  """
  scheme, _, where = name.partition(':')
  if scheme == OWN and where:
    return load_split(name, split, size=size, channels=channels)
  request = Request(
    name, (split,), size, channels, data_dir=data_dir, labeled=False
  )
  if scheme not in ('folder', 'npz', 'npy') or not where:
    return read(request)[0]
  found = unlabeled.read(Path(where).expanduser(), request)
  for note in found.notes:
    say(note)
  return found
