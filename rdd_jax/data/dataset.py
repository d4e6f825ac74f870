"""The types of a data set, and the checks that every data set passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from rdd_jax.core.errors import UserError
from rdd_jax.core.streamed import HostImages, Streamed, some_of
from rdd_jax.data import checks


class Split(NamedTuple):
  """The rows of one split.

  Attributes:
    images: u8[N, H, W, C], in memory or a stream.
    labels: i32[N] in [0, len(class_names)).
    class_names: one name for each class.
    groups: i32[N] or None; a negative group is no group.
    names: str[N] or None: of each example, such as its file.
    notes: what readers did that their user should know, a line each.
  """

  images: HostImages
  labels: np.ndarray
  class_names: tuple[str, ...]
  groups: np.ndarray | None = None
  names: np.ndarray | None = None
  notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dataset:
  """A labeled image data set: images in host memory or on disk.

  Attributes:
    name: what `load` was given.
    train_images: u8[N, H, W, C], an array or a stream.
    train_labels: i32[N] in [0, num_classes).
    test_images: u8[M, H, W, C], likewise.
    test_labels: i32[M] in [0, num_classes).
    num_classes: the number of classes; each has a training row.
    class_names: one name for each class.
    train_groups: i32[N] or None; a negative group is no group.
    test_groups: i32[M] or None.
    train_true_labels: i32[N], what `train_labels` were before noise was
      injected; None where none was.
    train_rare: b[N] or None, the rows of a minority.
    test_rare: b[M] or None.
    train_names: str[N] or None, of each example, such as its file; where
      there are none, rows are numbers.
    test_names: str[M] or None.
    notes: what readers did that their user should know, a line each.
  """

  name: str
  train_images: HostImages
  train_labels: np.ndarray
  test_images: HostImages
  test_labels: np.ndarray
  num_classes: int
  class_names: tuple[str, ...]
  train_groups: np.ndarray | None = None
  test_groups: np.ndarray | None = None
  train_true_labels: np.ndarray | None = None
  train_rare: np.ndarray | None = None
  test_rare: np.ndarray | None = None
  train_names: np.ndarray | None = None
  test_names: np.ndarray | None = None
  notes: tuple[str, ...] = ()

  @property
  def image_shape(self) -> tuple[int, int, int]:
    """Returns (H, W, C)."""
    height, width, channels = self.train_images.shape[1:]
    return height, width, channels

  def example_names(self, rows: np.ndarray) -> list[str]:
    """Names training rows i[n]; where none have names, by their numbers."""
    if self.train_names is None:
      return [str(row) for row in rows]
    return [str(name) for name in self.train_names[rows]]


def from_arrays(
  train_images: HostImages,
  train_labels: np.ndarray,
  test_images: HostImages,
  test_labels: np.ndarray,
  *,
  num_classes: int | None = None,
  class_names: Sequence[str] | None = None,
  train_groups: np.ndarray | None = None,
  test_groups: np.ndarray | None = None,
  train_rare: np.ndarray | None = None,
  test_rare: np.ndarray | None = None,
  train_names: np.ndarray | None = None,
  test_names: np.ndarray | None = None,
  name: str = 'arrays',
) -> Dataset:
  """Makes a data set from arrays, checked; images are not copied.

  Args:
    train_images: u8[N, H, W, C].
    train_labels: integers[N].
    test_images: u8[M, H, W, C], of the same H, W and C.
    test_labels: integers[M].
    num_classes: by default the number of `class_names`, or else one more
      than the largest training label.
    class_names: by default the class numbers.
    train_groups: integers[N]; a negative group is no group.
    test_groups: integers[M].
    train_rare: b[N], the rows of a minority.
    test_rare: b[M], likewise, on which `rare_group` is measured.
    train_names: str[N], of each example, such as its file.
    test_names: str[M].
    name: what errors and reports call the data set.

  Raises:
    UserError: for the wrong type, shape, length or range, a class without a
      training row, or train and test images of different shapes.

  >>> images = np.zeros((6, 8, 8, 1), np.uint8)
  >>> data = from_arrays(images, np.arange(6) % 3, images, np.arange(6) % 3)
  >>> data.num_classes, data.image_shape
  (3, (8, 8, 1))
  """
  if class_names is None:
    class_names = (
      checks.class_numbers(train_labels)
      if num_classes is None
      else [str(c) for c in range(num_classes)]
    )
  if num_classes is None:
    num_classes = len(class_names)
  if len(class_names) != num_classes:
    raise UserError(
      f'{name}: class_names has {len(class_names)} names for {num_classes} '
      'classes; give one name for each class'
    )
  names = tuple(class_names)
  train = check_split(
    Split(train_images, train_labels, names, train_groups, train_names),
    f'{name}: train',
  )
  test = check_split(
    Split(test_images, test_labels, names, test_groups, test_names),
    f'{name}: test',
  )
  rows = np.bincount(train.labels, minlength=num_classes)
  if not rows.all():
    empty = ', '.join(names[c] for c in np.flatnonzero(rows == 0)[:5])
    raise UserError(
      f'{name}: {int((rows == 0).sum())} of {num_classes} classes have no '
      f'training row ({empty}); renumber the labels or lower num_classes'
    )
  checks.require_shape(f'{name}: test', test.images, train.images.shape[1:])
  return Dataset(
    name=name,
    train_images=train.images,
    train_labels=train.labels,
    test_images=test.images,
    test_labels=test.labels,
    num_classes=num_classes,
    class_names=names,
    train_groups=train.groups,
    test_groups=test.groups,
    train_rare=checks.mask(
      train_rare, len(train.labels), f'{name}: train_rare'
    ),
    test_rare=checks.mask(test_rare, len(test.labels), f'{name}: test_rare'),
    train_names=train.names,
    test_names=test.names,
  )


def take(dataset: Dataset, rows: np.ndarray) -> Dataset:
  """Returns the data set with some of its training rows; test rows all stay.

  Args:
    dataset: of N training rows.
    rows: i[n] in [0, N).

  >>> images = np.zeros((6, 8, 8, 1), np.uint8)
  >>> data = from_arrays(images, np.arange(6) % 3, images, np.arange(6) % 3)
  >>> take(data, np.array([4, 0])).train_labels
  array([1, 0], dtype=int32)
  """

  def taken(values: np.ndarray | None) -> np.ndarray | None:
    return None if values is None else values[rows]

  return replace(
    dataset,
    train_images=some_of(dataset.train_images, rows),
    train_labels=dataset.train_labels[rows],
    train_groups=taken(dataset.train_groups),
    train_true_labels=taken(dataset.train_true_labels),
    train_rare=taken(dataset.train_rare),
    train_names=taken(dataset.train_names),
  )


def check_split(split: Split, where: str) -> Split:
  """Returns the split with labels and groups as int32.

  Args:
    split: the arrays.
    where: what an error calls them.

  Raises:
    UserError: for the wrong type, shape, length or range.

  >>> split = Split(np.zeros((2, 4, 4, 1), np.uint8), np.array([0, 1]), ('a',))
  >>> check_split(split, 'mine: train')  # doctest: +ELLIPSIS
  Traceback (most recent call last):
  rdd_jax.core.errors.UserError: mine: train labels are outside [0, 1) ...
  """
  images = split.images
  if not isinstance(images, Streamed):
    images = np.asarray(images)
  if images.dtype != np.uint8:
    raise UserError(
      f'{where} images are {images.dtype}; give uint8 pixels in [0, 255]'
    )
  if images.ndim != 4 or not images.size:
    raise UserError(
      f'{where} images have shape {images.shape}; give a non-empty '
      '[N, H, W, C] (grayscale: images[..., None])'
    )
  labels = checks.integers(split.labels, len(images), f'{where} labels')
  outside = (labels < 0) | (labels >= len(split.class_names))
  if outside.any():
    row = int(np.argmax(outside))
    raise UserError(
      f'{where} labels are outside [0, {len(split.class_names)}) in '
      f'{int(outside.sum())} rows (row {row}: {labels[row]}); renumber them '
      'or set num_classes'
    )
  groups = split.groups
  if groups is not None:
    groups = checks.integers(groups, len(images), f'{where} groups')
    groups = groups.astype(np.int32)
  if split.names is not None and len(split.names) != len(images):
    raise UserError(
      f'{where} has {len(split.names)} names for {len(images)} images; give '
      'one name for each'
    )
  return split._replace(
    images=images, labels=labels.astype(np.int32), groups=groups
  )
