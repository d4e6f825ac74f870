"""Paints marks on images that can be made to go with the class."""

from __future__ import annotations

from collections.abc import Callable
import colorsys
from typing import NamedTuple

import numpy as np

from rdd_jax.core.errors import UserError
from rdd_jax.data import images

_CHUNK = 1000  # images held in float32 at once


class Cue(NamedTuple):
  """An attribute that is painted on an image, one of several values.

  Attributes:
    paint: `(images u8[n, H, W, C], values i[n], count, rng) -> u8[n, H, W, D]`,
      for values in [0, count). Draws as much from `rng` whatever the values.
    count: how many values there are, by the number of classes.
    by_value: whether the groups are the values, as published; otherwise a row
      is of group 0 where the cue agrees with its class, and of 1 otherwise.
    doubled: whether a test row is there with each value, not with just one.
  """

  paint: Callable[
    [np.ndarray, np.ndarray, int, np.random.Generator], np.ndarray
  ]
  count: Callable[[int], int]
  by_value: bool = False
  doubled: bool = False


def line(
  pixels: np.ndarray, values: np.ndarray, count: int, rng: np.random.Generator
) -> np.ndarray:
  """Paints a gray line, a 14th of the height, at the top (0) or bottom (1).

  Args:
    pixels: `u8[n, H, W, C]`.
    values: `i[n]` in [0, 2).
    count: always 2.
    rng: draws the gray level.
  """
  del count  # always 2
  out = pixels.copy()
  thickness = max(1, round(pixels.shape[1] / 14))
  levels = rng.integers(76, 179, (len(pixels), 1, 1, 1), np.uint8)
  for value, place in enumerate(
    (slice(None, thickness), slice(-thickness, None))
  ):
    rows = values == value
    out[rows, place] = levels[rows]
  return out


def patch(
  pixels: np.ndarray, values: np.ndarray, count: int, rng: np.random.Generator
) -> np.ndarray:
  """Paints a checkered square, a 6th of the side, in one of the four corners.

  Args:
    pixels: `u8[n, H, W, C]`.
    values: `i[n]` in [0, 4).
    count: always 4.
    rng: draws the contrast.
  """
  del count  # always 4
  out = pixels.copy()
  side = max(2, round(min(pixels.shape[1:3]) / 6))
  chequered = np.indices((side, side)).sum(0) % 2 * 2 - 1
  contrast = rng.uniform(64, 127, len(pixels)) * rng.choice(
    (-1, 1), len(pixels)
  )
  squares = 128 + contrast[:, None, None, None] * chequered[..., None]
  near, far = slice(None, side), slice(-side, None)
  corners = ((near, near), (near, far), (far, near), (far, far))
  for value, (down, across) in enumerate(corners):
    rows = values == value
    out[rows, down, across] = squares[rows].astype(np.uint8)
  return out


def shade(
  pixels: np.ndarray, values: np.ndarray, count: int, rng: np.random.Generator
) -> np.ndarray:
  """Paints light that comes from the left (0) or from the right (1).

  It takes the place of 15 to 35 per cent of the image.

  Args:
    pixels: `u8[n, H, W, C]`.
    values: `i[n]` in [0, 2).
    count: always 2.
    rng: draws the strength.
  """
  del count  # always 2
  ramp = np.linspace(1, 0, pixels.shape[2])[:, None]
  return _lit(pixels, np.stack([ramp, ramp[::-1]]), values, rng)


def tint(
  pixels: np.ndarray, values: np.ndarray, count: int, rng: np.random.Generator
) -> np.ndarray:
  """Paints warm (0) or cold (1) light all over the image, as strong as `shade`.

  Of images that are not in color it is `shade`.

  Args:
    pixels: `u8[n, H, W, C]`.
    values: `i[n]` in [0, 2).
    count: always 2.
    rng: draws the strength.
  """
  if pixels.shape[3] != 3:
    return shade(pixels, values, count, rng)
  lights = np.array([[[1, 0.6, 0.2]], [[0.2, 0.6, 1]]])
  return _lit(pixels, lights, values, rng)


def _lit(
  pixels: np.ndarray,
  lights: np.ndarray,
  values: np.ndarray,
  rng: np.random.Generator,
) -> np.ndarray:
  """Mixes in one of the lights, `f[v, W or 1, C or 1]`, in [0, 1]."""
  strength = rng.uniform(0.15, 0.35, len(pixels)).astype(np.float32)

  def shine(part: np.ndarray, rows: slice) -> np.ndarray:
    share = strength[rows, None, None, None]
    light = 255 * lights[values[rows]][:, None].astype(np.float32)
    return (1 - share) * part + share * light

  return _in_chunks(shine, pixels, pixels.shape[3])


def foreground(
  pixels: np.ndarray, values: np.ndarray, count: int, rng: np.random.Generator
) -> np.ndarray:
  """Paints what is bright in one of `count` hues, on black.

  Args:
    pixels: `u8[n, H, W, C]`.
    values: `i[n]` in [0, count).
    count: number of hues.
    rng: is not read.

  Returns:
    `u8[n, H, W, 3]`.
  """
  del rng
  grey, hues = images.convert(pixels, None, 1), _hues(count)

  def colour(part: np.ndarray, rows: slice) -> np.ndarray:
    return part * hues[values[rows]][:, None, None]

  return _in_chunks(colour, grey, 3)


def background(
  pixels: np.ndarray, values: np.ndarray, count: int, rng: np.random.Generator
) -> np.ndarray:
  """Paints what is dark in one of `count` hues, under white.

  Args:
    pixels: `u8[n, H, W, C]`.
    values: `i[n]` in [0, count).
    count: number of hues.
    rng: is not read.

  Returns:
    `u8[n, H, W, 3]`.
  """
  del rng
  grey, hues = images.convert(pixels, None, 1), _hues(count)

  def colour(part: np.ndarray, rows: slice) -> np.ndarray:
    return part + (255 - part) * hues[values[rows]][:, None, None]

  return _in_chunks(colour, grey, 3)


def greyscale(
  pixels: np.ndarray, values: np.ndarray, count: int, rng: np.random.Generator
) -> np.ndarray:
  """Leaves the image in color (0), or paints its luma in three channels (1).

  Args:
    pixels: `u8[n, H, W, 3]`.
    values: `i[n]` in [0, 2).
    count: is not read.
    rng: is not read.

  Raises:
    UserError: for images that are not in color.
  """
  del count, rng
  if pixels.shape[3] != 3:
    raise UserError(
      f'images of {pixels.shape[3]} channel(s) have no colour to lose; take '
      'coloured or background instead of greyscale, or data in colour'
    )
  out, rows = pixels.copy(), values == 1
  out[rows] = images.convert(pixels[rows], None, 1)
  return out


def _hues(count: int) -> np.ndarray:
  """f32[count, 3]: equally far apart on the circle, at full saturation."""
  hues = [colorsys.hsv_to_rgb(i / count, 1, 1) for i in range(count)]
  return np.asarray(hues, np.float32)


def _in_chunks(
  fn: Callable[[np.ndarray, slice], np.ndarray],
  pixels: np.ndarray,
  channels: int,
) -> np.ndarray:
  """u8 of what `fn` makes of f32 images and their rows, a part at a time."""
  out = np.empty((*pixels.shape[:3], channels), np.uint8)
  for start in range(0, len(pixels), _CHUNK):
    rows = slice(start, start + _CHUNK)
    found = fn(pixels[rows].astype(np.float32), rows)
    out[rows] = np.rint(np.clip(found, 0, 255))
  return out


CUES = {
  'line': Cue(line, lambda classes: 2),
  'patch': Cue(patch, lambda classes: 4),
  'shade': Cue(shade, lambda classes: 2),
  'tint': Cue(tint, lambda classes: 2),
  'coloured': Cue(foreground, lambda classes: min(10, classes), by_value=True),
  'background': Cue(
    background, lambda classes: min(10, classes), by_value=True
  ),
  'greyscale': Cue(greyscale, lambda classes: 2, by_value=True, doubled=True),
}
