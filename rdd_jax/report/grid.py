"""The synthetic images in one picture, a row for each cell."""

from __future__ import annotations

from collections.abc import Sequence
import math
import os
from typing import TYPE_CHECKING

from jax import Array
import numpy as np

if TYPE_CHECKING:
  from PIL import ImageFont

GAP = 2
INK = (128, 128, 128, 255)  # readable on light and on dark pages
LINE = 14  # the height of a name
TILE = 48  # the least size of an image, in pixels
WIDTH = 1600  # images are enlarged less where the grid would get wider


def grid_png(
  path: str | os.PathLike[str],
  images: np.ndarray | Array,
  cells: np.ndarray | Array,
  class_names: Sequence[str],
  *,
  captions: Sequence[str] | None = None,
) -> None:
  """Writes a PNG with the images of each class in a row, outlier slots below.

  With one image for each, all stand in a single row under their names. Pixels
  are repeated, not smoothed; the background is transparent.

  Args:
    path: of the file.
    images: `f[n, H, W, C]` with 1 or 3 channels, clipped to [0, 1] for display.
    cells: `i[n]`, the class, or the number of classes + outlier slot.
    class_names: by class.
    captions: of each image, written below it as far as it is wide.
  """
  from PIL import Image, ImageDraw, ImageFont

  pixels = np.round(np.clip(np.asarray(images), 0, 1) * 255).astype(np.uint8)
  pixels = np.broadcast_to(pixels, (*pixels.shape[:3], 3))
  cells = np.asarray(cells)
  height, width = pixels.shape[1:3]
  columns = np.bincount(cells).max()
  scale = min(
    math.ceil(TILE / width), max(1, WIDTH // int(columns * (width + GAP)))
  )
  used = np.unique(cells)
  names = [_name(cell, class_names) for cell in used]
  font = ImageFont.load_default()
  text = math.ceil(max(font.getlength(name) for name in names)) + 2 * GAP
  tile = scale * width, scale * height
  below = LINE if captions else 0
  if columns == 1:
    corner, step = (0, LINE), (max(tile[0], text) + GAP, 0)
    size = len(used) * step[0], LINE + tile[1] + below
    label, anchor = (tile[0] // 2, LINE // 2), 'mm'
  else:
    corner, step = (text + GAP, 0), (0, max(tile[1], LINE) + below + GAP)
    size = corner[0] + columns * (tile[0] + GAP), len(used) * step[1]
    label, anchor = (GAP, step[1] // 2), 'lm'
  canvas = Image.new('RGBA', (int(size[0]), int(size[1])))
  draw = ImageDraw.Draw(canvas)
  for i, (cell, name) in enumerate(zip(used, names, strict=True)):
    left, top = i * step[0], i * step[1]
    draw.text((left + label[0], top + label[1]), name, INK, font, anchor=anchor)
    for column, row in enumerate(np.flatnonzero(cells == cell)):
      picture = Image.fromarray(np.ascontiguousarray(pixels[row])).resize(
        tile, Image.Resampling.NEAREST
      )
      across = left + corner[0] + column * (tile[0] + GAP)
      canvas.paste(picture, (across, top + corner[1]))
      if captions:
        under = across + tile[0] // 2, top + corner[1] + tile[1] + LINE // 2
        caption = _fitting(captions[int(row)], tile[0], font)
        draw.text(under, caption, INK, font, anchor='mm')
  canvas.save(path, format='PNG', optimize=True)


def _name(cell: int, class_names: Sequence[str]) -> str:
  if cell < len(class_names):
    name = class_names[cell]
    return name if len(name) <= 20 else name[:19] + '…'
  return f'outliers {cell - len(class_names)}'


def _fitting(
  text: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont
) -> str:
  """As much of the text as fits."""
  while text and font.getlength(text) > width:
    text = text[:-1]
  return text
