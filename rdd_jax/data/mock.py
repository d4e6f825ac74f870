"""Draws mock data sets of the real shape, for runs without the data."""

from __future__ import annotations

from collections.abc import Callable
import difflib
import math

import numpy as np

from rdd_jax.core.errors import UserError
from rdd_jax.data.dataset import Dataset, from_arrays
from rdd_jax.images.published import GROUPED, SHAPES

_CONFLICT = 20  # of a class, one row in so many is of another class's group
_MOST = 2**29  # bytes of training images, by default


def mock(
  name_or_shape: str | tuple[int, int, int],
  num_classes: int | None = None,
  n: int | None = None,
  seed: int = 0,
) -> Dataset:
  """Draws a learnable data set: a smooth pattern for each class, and noise.

  An image is `128 + 40 (c p_y + e)`, clipped to [0, 255]: a contrast c uniform
  in [0.5, 1.5], the pattern `p_y` of its class (4x4 normal colors, enlarged),
  and white noise e of unit scale. The data sets of `GROUPED` have a group for
  each class, with a pattern that is added to `p_y`; an image is in the group of
  its class, but one of twenty is in that of the next class.

  Args:
    name_or_shape: a name in `SHAPES`, with or without `tfds:`; or (H, W, C).
    num_classes: needed for a shape; overrides that of a name.
    n: training images, by default 1000 or, if more, 20 of each class, but of
      many large ones as few as two of each; there are a fifth as many test
      images. Classes take turns, and each has at least one image in both
      splits.
    seed: the same seed gives the same images.

  Returns:
    The data set, named `mock:NAME`.

  Raises:
    UserError: for an unknown name, or a shape without num_classes.

  >>> found = mock('cifar10', n=50)
  >>> found.train_images.shape, found.test_images.shape, found.name
  ((50, 32, 32, 3), (10, 32, 32, 3), 'mock:cifar10')
  """
  if isinstance(name_or_shape, str):
    name = name_or_shape.removeprefix('tfds:')
    if name not in SHAPES:
      near = difflib.get_close_matches(name, SHAPES, n=1) or SHAPES
      raise UserError(
        f'no mock of {name_or_shape!r}; give a shape (H, W, C), or one of '
        f'{", ".join(near)}'
      )
    shape, known = SHAPES[name]
    classes = num_classes or known
  else:
    name, shape = 'x'.join(str(d) for d in name_or_shape), name_or_shape
    if num_classes is None:
      raise UserError(f'mock of shape {shape} needs num_classes; give it')
    classes = num_classes
  n = n or _rows_by_default(shape, classes)
  rng = np.random.default_rng(seed)
  looks = patterns = _patterns(rng, classes, shape)
  train_labels = np.arange(max(n, classes)) % classes
  test_labels = np.arange(max(n // 5, classes)) % classes
  train_groups = test_groups = None
  train_looks, test_looks = train_labels, test_labels
  if name in GROUPED:
    train_groups, test_groups = (
      (labels + (np.arange(len(labels)) // classes % _CONFLICT == 0)) % classes
      for labels in (train_labels, test_labels)
    )
    places = _patterns(rng, classes, shape)
    looks = _both(patterns, places)
    train_looks = train_labels * classes + train_groups
    test_looks = test_labels * classes + test_groups
  return from_arrays(
    _rows(rng, looks, train_looks),
    train_labels,
    _rows(rng, looks, test_looks),
    test_labels,
    num_classes=classes,
    train_groups=train_groups,
    test_groups=test_groups,
    name=f'mock:{name}',
  )


def _rows_by_default(shape: tuple[int, int, int], classes: int) -> int:
  """Returns how many training rows a mock has, see `mock`.

  >>> [_rows_by_default(s, k) for s, k in (((8, 8, 1), 9), ((64, 64, 3), 200))]
  [1000, 4000]
  """
  fitting = max(_MOST // math.prod(shape), 2 * classes)
  return min(max(1000, 20 * classes), fitting)


Pattern = Callable[[int], np.ndarray]


def _patterns(
  rng: np.random.Generator, classes: int, shape: tuple[int, int, int]
) -> Pattern:
  """Draws a pattern `f32[H, W, C]` for each class, of about unit scale.

  It is enlarged when it is asked for: a thousand of large ones fill a memory.
  """
  from PIL import Image

  height, width, channels = shape
  coarse = rng.standard_normal((classes, channels, 4, 4), np.float32)

  def pattern(number: int) -> np.ndarray:
    planes = [
      np.asarray(
        Image.fromarray(plane).resize((width, height), Image.Resampling.BICUBIC)
      )
      for plane in coarse[number]
    ]
    return np.stack(planes, -1)

  return pattern


def _both(patterns: Pattern, places: Pattern) -> Pattern:
  """Adds the patterns of two groups, by `class * 2 + group`."""
  return lambda number: patterns(number // 2) + places(number % 2)


def _rows(
  rng: np.random.Generator, patterns: Pattern, labels: np.ndarray
) -> np.ndarray:
  """Draws images `u8[N, H, W, C]`, one by one: no float copy is held."""
  first = patterns(0)
  out = np.empty((len(labels), *first.shape), np.uint8)
  for i, label in enumerate(labels):
    contrast = rng.uniform(0.5, 1.5)
    noise = rng.standard_normal(first.shape, np.float32)
    pixels = 128 + 40 * (contrast * patterns(label) + noise)
    out[i] = np.clip(pixels, 0, 255)
  return out
