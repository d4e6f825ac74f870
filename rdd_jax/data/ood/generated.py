"""Images that belong to no data set: noise, blobs, patches of photographs."""

from __future__ import annotations

from collections.abc import Callable
import functools
from typing import NamedTuple

import numpy as np

from rdd_jax.data import images

Shape = tuple[int, int, int]  # (H, W, C)


class Drawn(NamedTuple):
  """A distribution of images.

  Attributes:
    draw: one u8[H, W, C], by a generator and (H, W, C).
    families: corruption families that make images of the same kind.
  """

  draw: Callable[[np.random.Generator, Shape], np.ndarray]
  families: tuple[str, ...] = ()


def draw(
  kind: Drawn, rng: np.random.Generator, rows: int, shape: Shape
) -> np.ndarray:
  """Draws `u8[rows, H, W, C]` one by one, so that no float copy is held.

  Args:
    kind: the distribution.
    rng: the generator.
    rows: number of images.
    shape: (H, W, C).
  """
  out = np.empty((rows, *shape), np.uint8)
  for row in out:
    row[:] = kind.draw(rng, shape)
  return out


def _gaussian(rng: np.random.Generator, shape: Shape) -> np.ndarray:
  """0.5 + 0.5 N(0, 1), clipped to [0, 1]."""
  return _bytes(0.5 + 0.5 * rng.standard_normal(shape, np.float32))


def _uniform(rng: np.random.Generator, shape: Shape) -> np.ndarray:
  return rng.integers(0, 256, shape, np.uint8)


def _rademacher(rng: np.random.Generator, shape: Shape) -> np.ndarray:
  """0 or 1 with equal chance, each pixel and channel by itself."""
  return np.uint8(255) * rng.integers(0, 2, shape, np.uint8)


def _blobs(rng: np.random.Generator, shape: Shape) -> np.ndarray:
  """Smoothed noise, 0 where it is under 0.75: shapes with hard edges.

  As in github.com/hendrycks/outlier-exposure, which smooths across channels
  too: Bernoulli(0.7), a Gaussian of 1.5 pixels, edges repeated.
  """
  from scipy.ndimage import gaussian_filter

  noise = (rng.random(shape, np.float32) < 0.7).astype(np.float32)
  smooth = gaussian_filter(noise, sigma=1.5, mode='nearest')
  return _bytes(np.where(smooth < 0.75, 0, smooth))


def _patch(rng: np.random.Generator, shape: Shape) -> np.ndarray:
  """A square of a photograph, up to 4 times as wide, mirrored or not."""
  photos = _photographs()
  photo = photos[rng.integers(len(photos))]
  largest = min(photo.shape[:2])
  narrow, wide = (min(k * max(shape[:2]), largest) for k in (1, 4))
  side = rng.integers(narrow, wide, endpoint=True)
  top, left = (
    rng.integers(0, length - side, endpoint=True) for length in photo.shape[:2]
  )
  crop = photo[top : top + side, left : left + side]
  if rng.random() < 0.5:
    crop = crop[:, ::-1]
  return images.convert(crop[None], shape[:2], shape[2])[0]


@functools.cache
def _photographs() -> list[np.ndarray]:
  """The two u8[427, 640, 3] that come with scikit-learn: a temple, a flower."""
  from sklearn.datasets import load_sample_images

  return load_sample_images()['images']


def _bytes(pixels: np.ndarray) -> np.ndarray:
  """Pixels, by rights in [0, 1], to the nearest of the 256 levels."""
  return np.rint(255 * np.clip(pixels, 0, 1)).astype(np.uint8)


_NOISE = ('noise', 'frequency')
KINDS = {
  'gaussian': Drawn(_gaussian, _NOISE),
  'uniform': Drawn(_uniform, _NOISE),
  'rademacher': Drawn(_rademacher, _NOISE),
  'blobs': Drawn(_blobs, ('flat',)),
  'patches': Drawn(_patch),
}
