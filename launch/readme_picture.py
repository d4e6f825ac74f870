"""Draws the README's picture from a run of the quickstart.

python launch/readme_picture.py --run=RUN [--out=docs/pictures/quickstart.png]

On the left some training images under the labels that they are given, wrong
ones in red; on the right the distilled images, one for each class. RUN is the
work directory of `python -m rdd_jax.main --config=configs/quickstart.py`.
"""

from __future__ import annotations

import json
from pathlib import Path

from absl import flags
import numpy as np
from PIL import Image, ImageDraw, ImageFont

import rdd_jax
from rdd_jax.config.build import data as build_data
from rdd_jax.config.presets.all_three import quickstart
from rdd_jax.core.errors import UserError
from rdd_jax.data import Dataset
from rdd_jax.runtime import cli

_RUN = flags.DEFINE_string('run', None, 'The work directory of a quickstart.')
_OUT = flags.DEFINE_string(
  'out', 'docs/pictures/quickstart.png', 'The PNG that is written.'
)

WIDTH, HEIGHT = 1600, 710
INK, SOFT, WRONG = '#1b1e23', '#5c636d', '#c8102e'
PAPER, CARD, LINE = '#ffffff', '#f5f6f8', '#d8dbe0'
COLUMNS, ROWS = 12, 5  # of training images


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
  """Returns Pillow's own font, so that every machine draws the same."""
  return ImageFont.load_default(size)


def gray(image: np.ndarray, size: int) -> Image.Image:
  """Scales one image, without smoothing it.

  Args:
    image: `f[H, W, 1]`, on the scale of [0, 1].
    size: of a side, in pixels.
  """
  pixels = np.clip(255 * image[..., 0], 0, 255).astype(np.uint8)
  return Image.fromarray(pixels).resize((size, size), Image.Resampling.NEAREST)


def stretched(images: np.ndarray) -> np.ndarray:
  """Scales each image to its own range, but for its extreme pixels."""
  low, high = np.quantile(images, (0.08, 0.92), (1, 2, 3), keepdims=True)
  return (images - low) / (high - low)


def training(draw: ImageDraw.ImageDraw, page: Image.Image, data: Dataset):
  """Draws the first training images, and the labels that they are given."""
  truth = data.train_labels
  if data.train_true_labels is not None:
    truth = data.train_true_labels
  size, step, top = 48, 57, 218
  for i in range(COLUMNS * ROWS):
    x, y = 64 + step * (i % COLUMNS), top + 88 * (i // COLUMNS)
    image = data.train_images[i].astype(float) / 255
    page.paste(gray(image, size), (x, y))
    label, right = str(data.train_labels[i]), data.train_labels[i] == truth[i]
    if not right:
      draw.rectangle((x - 2, y - 2, x + size + 1, y + size + 1), None, WRONG, 3)
    draw.text(
      (x + size // 2, y + size + 4),
      label,
      INK if right else WRONG,
      font(24),
      'ma',
    )


def distilled(draw: ImageDraw.ImageDraw, page: Image.Image, images: np.ndarray):
  """Draws the distilled images, two lines of five, with their classes."""
  size, step = 120, 131
  for i, image in enumerate(stretched(images)):
    x, y = 916 + step * (i % 5), 218 + 226 * (i // 5)
    page.paste(gray(image, size), (x, y))
    draw.text((x + size // 2, y + size + 8), str(i), INK, font(30), 'ma')


def arrow(draw: ImageDraw.ImageDraw) -> None:
  """Draws what leads from one side to the other."""
  y = HEIGHT // 2 + 30
  draw.line((794, y, 846, y), INK, 8)
  draw.polygon(((842, y - 20), (842, y + 20), (872, y)), INK)


def picture(run: Path) -> Image.Image:
  """Returns the picture of a run.

  Raises:
    UserError: if it is no run of the quickstart.
  """
  results = run / 'variants.json'
  if not results.exists():
    raise UserError(
      f'{run} has no variants.json; give the work directory of a finished '
      'python -m rdd_jax.main --config=configs/quickstart.py'
    )
  rows = json.loads(results.read_text())
  artifact = rdd_jax.load(run)
  data = build_data.load(quickstart())
  wrong = np.mean(data.train_labels != data.train_true_labels)
  names = 'plain', 'all of it'
  plain, whole = (100 * rows[n]['row']['accuracy']['mean'] for n in names)
  page = Image.new('RGB', (WIDTH, HEIGHT), PAPER)
  draw = ImageDraw.Draw(page)
  for box in ((24, 24, 772, HEIGHT - 24), (888, 24, WIDTH - 24, HEIGHT - 24)):
    draw.rounded_rectangle(box, 20, CARD, LINE, 2)
  draw.text((56, 52), f'{len(data.train_images):,} images in', INK, font(42))
  share = f'{100 * wrong:.0f} % of the labels are wrong (red);'
  draw.text((56, 112), share, SOFT, font(28))
  clue = 'a gray line gives the label away in nine of ten'
  draw.text((56, 150), clue, SOFT, font(28))
  draw.text((920, 52), f'{len(artifact.images)} images out', INK, font(42))
  share = f'networks trained on them are {whole:.0f} % right'
  draw.text((920, 112), share, SOFT, font(28))
  beside = f'(on ten of plain distribution matching {plain:.0f} %)'
  draw.text((920, 150), beside, SOFT, font(28))
  training(draw, page, data)
  inside = artifact.cells < len(artifact.card['class_names'])
  distilled(draw, page, artifact.images[inside])
  arrow(draw)
  return page


def main(argv: list[str]) -> None:
  """Draws the picture, and writes it."""
  cli.no_arguments(argv)
  if not _RUN.value:
    raise UserError('give --run=RUN, the work directory of a quickstart')
  out = Path(_OUT.value)
  out.parent.mkdir(parents=True, exist_ok=True)
  picture(Path(_RUN.value)).save(out, optimize=True)
  print(f'{out}: {out.stat().st_size:,} bytes')


if __name__ == '__main__':
  cli.start(main)
