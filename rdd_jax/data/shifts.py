"""Shifted test images: corruptions at five severities, and published shifts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
import io
from typing import TYPE_CHECKING, NamedTuple

import jax
from jax import Array
import jax.numpy as jnp
import numpy as np

from rdd_jax.core.errors import UserError, choose
from rdd_jax.core.keys import generator, named
from rdd_jax.images import corruptions as c
from rdd_jax.images.corruptions import weather

if TYPE_CHECKING:
  from PIL import Image

SEVERITIES = (1, 2, 3, 4, 5)
PUBLISHED = ('noise', 'blur', 'invert')
SMALL = 64  # the longest side to which CIFAR-10's noise applies
ON_HOST = ('jpeg',)  # kinds that XLA does not compute
_CHUNK = 500  # images in floats at once


class Shift(NamedTuple):
  """A kind of corruption.

  Attributes:
    make: from a level to the corruption.
    levels: one for each of five severities.
  """

  make: Callable[[float], c.Corruption]
  levels: tuple[float, float, float, float, float]


# The levels of noise, brightness, contrast and jpeg are those of CIFAR-10-C
# (Hendrycks and Dietterich 2019, ICLR), the others like them in spirit. Blurs
# are in pixels of 32.
SUITE: dict[str, Shift] = {
  'gaussian_noise': Shift(c.add_noise, (0.04, 0.06, 0.08, 0.09, 0.1)),
  'shot_noise': Shift(weather.shot_noise, (500, 250, 100, 75, 50)),
  'impulse_noise': Shift(weather.impulse_noise, (0.01, 0.02, 0.03, 0.05, 0.07)),
  'gaussian_blur': Shift(lambda s: c.blur(s / 32), (0.6, 0.9, 1.2, 1.6, 2)),
  'motion_blur': Shift(
    lambda s: weather.motion_blur(s / 32), (2.0, 3.0, 4.0, 5.0, 6.0)
  ),
  'zoom_blur': Shift(weather.zoom_blur, (0.06, 0.11, 0.16, 0.21, 0.26)),
  'brightness': Shift(weather.brighten, (0.05, 0.1, 0.15, 0.2, 0.3)),
  'contrast': Shift(weather.flatten, (0.75, 0.5, 0.4, 0.3, 0.15)),
  'fog': Shift(weather.fog, (0.2, 0.5, 0.75, 1.0, 1.5)),
  'pixelate': Shift(c.pixelate, (0.85, 0.7, 0.55, 0.4, 0.3)),
  'jpeg': Shift(lambda q: _jpeg(int(q)), (80, 65, 58, 50, 40)),
  'elastic': Shift(lambda s: c.warp(5, s), (0.01, 0.02, 0.03, 0.045, 0.06)),
  'move': Shift(
    lambda s: weather.move(5 * s, 0.02 * s), (1.0, 2.0, 3.0, 4.0, 5.0)
  ),
}


def published(images: np.ndarray, key: Array) -> dict[str, np.ndarray]:
  """Makes the three shifts of Vahidian et al. (arXiv 2402.04676), as released.

  | name | what is done |
  |---|---|
  | `noise` | Gaussian, of variance 0.005 on [0, 1] (CIFAR-10), or where a |
  | | side is longer than 64, of standard deviation 0.2 (ImageNet); clipped |
  | `blur` | Pillow's GaussianBlur of radius 2 |
  | `invert` | the negative |

  Pixels are rounded to bytes. The release drew its noise once, without a seed.

  Args:
    images: u8[n, H, W, C].
    key: of the noise.

  Returns:
    u8[n, H, W, C] by name.
  """
  from PIL import ImageFilter

  std = 0.005**0.5 if max(images.shape[1:3]) <= SMALL else 0.2
  return {
    'noise': _corrupt(_noise(std), named(key, 'noise'), images),
    'blur': _by_pillow(lambda i: i.filter(ImageFilter.GaussianBlur(2)), images),
    'invert': 255 - images,
  }


def corrupted(
  images: np.ndarray, kind: str, severity: int, key: Array
) -> np.ndarray:
  """Applies one of the corruptions in `SUITE`, at one of five severities.

  In the spirit of CIFAR-10-C and ImageNet-C, made here for any size and number
  of channels, and so not to be compared with numbers on the published files.
  What is random is drawn alike at every severity.

  Args:
    images: u8[n, H, W, C].
    kind: a name in `SUITE`.
    severity: from 1 to 5.
    key: the same key gives the same images.

  Returns:
    u8[n, H, W, C].

  Raises:
    UserError: for an unknown kind or severity.

  >>> images = np.full((1, 8, 8, 1), 100, np.uint8)
  >>> corrupted(images, 'brightness', 5, jax.random.key(0)).max()
  np.uint8(177)
  """
  choose('corruption', kind, SUITE)
  if severity not in SEVERITIES:
    raise UserError(f'severity {severity} of {kind}: give one from 1 to 5')
  return _corrupt(_program(kind, severity), named(key, kind), images)


def some_rows(labels: np.ndarray, rows: int, key: Array) -> np.ndarray:
  """Draws rows of each class in proportion, in order; all where 0.

  Args:
    labels: i[n].
    rows: how many; all of them where there are fewer.
    key: which.

  Returns:
    i[min(rows, n)].

  >>> labels = np.array([0, 1] * 4)
  >>> labels[some_rows(labels, 2, jax.random.key(0))].tolist()
  [0, 1]
  """
  if rows < 0:
    raise UserError(f'rows is {rows}; give a number, or 0 for all of them')
  if not rows or rows >= len(labels):
    return np.arange(len(labels))
  shuffled = generator(named(key, 'rows')).permutation(len(labels))
  by_class = shuffled[np.argsort(labels[shuffled], kind='stable')]
  # Equal steps through the classes in order take of each in proportion.
  steps = (np.arange(rows) + 0.5) * (len(labels) / rows)
  return np.sort(by_class[steps.astype(np.int64)])


def kinds_of(names: Sequence[str]) -> tuple[str, ...]:
  """Expands names of corruptions; 'all' is all of `SUITE`.

  Raises:
    UserError: for an unknown name.

  >>> kinds_of(['fog', 'jpeg', 'fog'])
  ('fog', 'jpeg')
  """
  names = (names,) if isinstance(names, str) else tuple(names)
  if 'all' in names:
    return tuple(SUITE)
  for name in names:
    choose('corruption', name, SUITE)
  return tuple(dict.fromkeys(names))


@cache
def _program(kind: str, severity: int) -> c.Corruption:
  """The corruption, compiled once for all variants of a run."""
  shift = SUITE[kind]
  made = shift.make(shift.levels[severity - 1])
  return made if kind in ON_HOST else jax.jit(made)


@cache
def _noise(std: float) -> c.Corruption:
  return jax.jit(c.add_noise(std))


def _corrupt(
  corruption: c.Corruption, key: Array, images: np.ndarray
) -> np.ndarray:
  """u8 to u8 by way of floats in [0, 1], a part at a time."""
  out = np.empty_like(images)
  for i, start in enumerate(range(0, len(images), _CHUNK)):
    part = images[start : start + _CHUNK]
    pixels = jax.device_put(part.astype(np.float32) / 255)
    pixels = np.asarray(corruption(jax.random.fold_in(key, i), pixels))
    out[start : start + _CHUNK] = np.rint(255 * pixels)
  return out


def _jpeg(quality: int) -> c.Corruption:
  """Pillow's JPEG at that quality, there and back."""
  from PIL import Image

  def coded(image: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, 'JPEG', quality=quality)
    return Image.open(buffer)

  def corrupt(key: Array, pixels: Array) -> Array:
    del key  # the same for every draw
    given = np.rint(255 * np.asarray(pixels)).astype(np.uint8)
    return jnp.asarray(_by_pillow(coded, given) / np.float32(255), pixels.dtype)

  return corrupt


def _by_pillow(
  fn: Callable[[Image.Image], Image.Image], images: np.ndarray
) -> np.ndarray:
  """Each image through Pillow; channels one by one unless there are three."""
  from PIL import Image

  out = np.empty_like(images)
  for row, image in zip(out, images, strict=True):
    if image.shape[2] == 3:
      row[:] = np.asarray(fn(Image.fromarray(image)))
      continue
    for channel in range(image.shape[2]):
      plane = Image.fromarray(np.ascontiguousarray(image[..., channel]))
      row[..., channel] = np.asarray(fn(plane))
  return out
