"""The synthetic images in one picture, a row for each cell."""

from __future__ import annotations

from collections.abc import Sequence
import math
import os

from jax import Array
import numpy as np
from PIL import Image, ImageDraw, ImageFont

GAP = 2
INK = (128, 128, 128, 255)  # readable on light and on dark pages
TILE = 48  # the least size of an image, in pixels
WIDTH = 1600  # images are enlarged less where the grid would get wider


def grid_png(
  path: str | os.PathLike[str],
  images: np.ndarray | Array,
  cells: np.ndarray | Array,
  class_names: Sequence[str],
) -> None:
  """Writes a PNG with the images of each class in a row, outlier slots below.

  Pixels are repeated, not smoothed; the background is transparent.

  Args:
    path: of the file.
    images: `f[n, H, W, C]` with 1 or 3 channels, clipped to [0, 1] for display.
    cells: `i[n]`, the class, or the number of classes + outlier slot.
    class_names: by class.
  """
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
  margin = math.ceil(max(font.getlength(name) for name in names)) + 4 * GAP
  step_x = scale * width + GAP
  step_y = max(scale * height, 12) + GAP
  canvas = Image.new(
    'RGBA', (int(margin + columns * step_x), len(used) * step_y)
  )
  draw = ImageDraw.Draw(canvas)
  for row, (cell, name) in enumerate(zip(used, names, strict=True)):
    top = row * step_y
    draw.text((GAP, top + step_y // 2), name, INK, font, anchor='lm')
    for column, image in enumerate(pixels[cells == cell]):
      tile = Image.fromarray(np.ascontiguousarray(image)).resize(
        (scale * width, scale * height), Image.Resampling.NEAREST
      )
      canvas.paste(tile, (margin + column * step_x, top))
  canvas.save(path, format='PNG', optimize=True)


def _name(cell: int, class_names: Sequence[str]) -> str:
  if cell < len(class_names):
    name = class_names[cell]
    return name if len(name) <= 20 else name[:19] + '…'
  return f'outliers {cell - len(class_names)}'
