"""Makes images of a page: each embedded by itself, all at the same scale."""

from __future__ import annotations

import base64
from collections.abc import Sequence
import io
import math
from typing import NamedTuple

from jax import Array
import numpy as np

SIDE = 64  # pixels of a page that an image is wide, at least
MOST = 96  # pixels of an image that a page embeds, at most
EXACT = 64  # up to so many it is embedded without loss
EACH, ALL = 10, 200  # images of a class, and of a table, at most
FEW = 20  # images of a set that is shown in one row beside others


class Tile(NamedTuple):
  """Holds an image as a page shows it.

  Attributes:
    source: a data URI.
    what: it is, for those who do not see it.
    below: what is written below it.
    soft: the same, in soft print.
  """

  source: str
  what: str
  below: str = ''
  soft: str = ''


class Pictures(NamedTuple):
  """Holds a table of images.

  Attributes:
    title: what they are, in few words.
    columns: the heads of the columns; () for none.
    lines: names and their images.
    side: the width of each on the page, in pixels.
    caption: how to read them.
  """

  title: str
  columns: Sequence[str]
  lines: Sequence[tuple[str, Sequence[Tile]]]
  side: int
  caption: str = ''


def thumbnails(images: np.ndarray | Array) -> np.ndarray:
  """Returns images as bytes, none larger than a page embeds.

  Args:
    images: `u8[n, H, W, C]`, or `f[n, H, W, C]`, clipped to [0, 1].

  Returns:
    `u8[n, h, w, C]`.

  >>> thumbnails(np.ones((2, 192, 96, 1))).shape
  (2, 96, 48, 1)
  """
  pixels = np.asarray(images)
  if pixels.dtype != np.uint8:
    pixels = np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
  height, width = pixels.shape[1:3]
  scale = MOST / max(height, width)
  if scale >= 1:
    return pixels
  size = max(round(scale * width), 1), max(round(scale * height), 1)
  small = [np.asarray(_picture(p).resize(size)) for p in pixels]
  return np.stack(small).reshape(len(pixels), size[1], size[0], -1)


def source(pixels: np.ndarray) -> str:
  """Returns a data URI of `u8[h, w, C]`: a PNG, of large images a JPEG."""
  out = io.BytesIO()
  if max(pixels.shape[:2]) > EXACT:
    _picture(pixels).save(out, 'JPEG', quality=85)
    kind = 'jpeg'
  else:
    _picture(pixels).save(out, 'PNG', optimize=True)
    kind = 'png'
  return f'data:image/{kind};base64,{base64.b64encode(out.getvalue()).decode()}'


def side(width: int) -> int:
  """Returns how wide an image is shown: a whole multiple of its pixels.

  >>> side(8), side(28), side(96)
  (64, 84, 96)
  """
  return width * math.ceil(SIDE / width)


def by_class(
  images: np.ndarray | Array,
  cells: np.ndarray | Array,
  class_names: Sequence[str],
  title: str,
) -> Pictures:
  """Returns images in a row for each class, so many as a page can show.

  Args:
    images: as `thumbnails` takes them.
    cells: `i[n]`, the class, or the number of classes + outlier slot.
    class_names: by class, and by slot after them.
    title: what they are.
  """
  cells = np.asarray(cells)
  used = np.unique(cells)
  each = max(1, min(EACH, ALL // len(used)))
  lines, left = [], 0
  for cell in used:
    rows = np.flatnonzero(cells == cell)
    left += len(rows[each:])
    name = _name(int(cell), class_names)
    shown = thumbnails(np.asarray(images)[rows[:each]])
    tiles = [
      Tile(source(x), f'{name}, image {i}') for i, x in enumerate(shown, 1)
    ]
    lines.append((name, tiles))
  rest = f' {left:,} more are in grid.png.' if left else ''
  width = thumbnails(np.asarray(images)[:1]).shape[2]
  return Pictures(title, (), lines, side(width), f'A row for each class.{rest}')


def beside(
  sets: Sequence[tuple[str, np.ndarray | Array, np.ndarray | Array]],
  class_names: Sequence[str],
  title: str,
) -> Pictures:
  """Returns sets of one image for each class, a row each.

  Args:
    sets: name, images and cells of each; all have the same cells.
    class_names: by class, and by slot after them.
    title: what they are.
  """
  order = np.argsort(np.asarray(sets[0][2]), kind='stable')
  names = [_name(int(c), class_names) for c in np.asarray(sets[0][2])[order]]
  lines = []
  for arm, images, cells in sets:
    own = np.argsort(np.asarray(cells), kind='stable')
    shown = thumbnails(np.asarray(images)[own])
    tiles = [
      Tile(source(x), f'{name}, {arm}')
      for x, name in zip(shown, names, strict=True)
    ]
    lines.append((arm, tiles))
  width = thumbnails(np.asarray(sets[0][1])[:1]).shape[2]
  return Pictures(
    title,
    names,
    lines,
    side(width),
    'A row for each set, a column for each class.',
  )


def one_each(cells: np.ndarray | Array) -> bool:
  """Tells whether a set has one image for each class, of few classes.

  >>> one_each(np.array([2, 0, 1])), one_each(np.array([0, 0, 1]))
  (True, False)
  """
  return len(np.unique(np.asarray(cells))) == len(cells) <= FEW


def _name(cell: int, class_names: Sequence[str]) -> str:
  if cell < len(class_names):
    return class_names[cell]
  return f'outliers {cell - len(class_names)}'


def _picture(pixels: np.ndarray):
  from PIL import Image

  return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
