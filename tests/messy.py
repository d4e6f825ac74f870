"""Makes a folder as people have them: `python tests/messy.py OUT [ROWS]`.

Digits, and Fashion-MNIST where TFDS has it, as files of several sizes, modes
and formats, without splits; a class of seven images, hidden files, text,
a nested folder, a truncated and an empty file, and 30 % of the images in the
wrong directory. `OUT.csv` says where each belongs.
"""

from __future__ import annotations

import csv
from pathlib import Path
import sys

import numpy as np
from PIL import Image

from rdd_jax.core.errors import UserError
from rdd_jax.data import load

WRONG = 0.3
FEW = 7  # images of the last class
FORMATS = (  # of which one is drawn for each file
  ('L', '.png'),
  ('L', '.png'),
  ('L', '.png'),
  ('RGB', '.jpg'),
  ('RGBA', '.png'),
  ('P', '.png'),
  ('RGB', '.webp'),
  ('L', '.tif'),
  ('L', '.bmp'),
  ('I;16', '.png'),
  ('RGB', '.jfif'),
  ('RGB', '.ppm'),
)


def rows(count: int) -> tuple[list[np.ndarray], list[str]]:
  """Images of both data sets, and the names of their classes."""
  images, names = [], []
  for source in ('digits', 'tfds:fashion_mnist'):
    try:
      found = load(source)
    except UserError:
      continue
    for image, label in zip(
      found.train_images[: count // 2],
      found.train_labels[: count // 2],
      strict=True,
    ):
      images.append(image[..., 0])
      name = found.class_names[label]
      names.append(f'digit {name}' if source == 'digits' else name)
  return images, names


def make(out: Path, count: int = 2000, seed: int = 0) -> dict[str, str]:
  """Writes the folder, and returns the true class of each file.

  Args:
    out: a new directory.
    count: of images, about.
    seed: of all that is drawn.
  """
  rng = np.random.default_rng(seed)
  images, truth = rows(count)
  classes = sorted(set(truth))
  few = [i for i, name in enumerate(truth) if name == classes[-1]][FEW:]
  kept = [i for i in range(len(images)) if i not in set(few)]
  found = {}
  for i in kept:
    given = truth[i]
    if given != classes[-1] and rng.random() < WRONG:
      given = str(rng.choice([c for c in classes[:-1] if c != given]))
    mode, suffix = FORMATS[rng.integers(len(FORMATS))]
    nested = 'more' if rng.random() < 0.05 else ''
    name = Path(given) / nested / f'{i:05d}{suffix}'
    file = out / name
    file.parent.mkdir(parents=True, exist_ok=True)
    _save(images[i], mode, int(rng.choice([28, 32, 40])), file)
    found[str(name)] = truth[i]
  first = out / classes[0]
  (first / '.hidden.png').write_bytes(b'no image')
  (first / 'notes.txt').write_text('to do: look at these again')
  (first / 'empty.png').write_bytes(b'')
  whole = next(iter(sorted(first.glob('[0-9]*.png')))).read_bytes()
  (first / 'truncated.png').write_bytes(whole[: len(whole) // 2])
  (out / 'Thumbs.db').write_bytes(b'\0' * 8)
  with out.with_suffix('.csv').open('w', newline='') as file:
    writer = csv.writer(file)
    writer.writerow(('file', 'true'))
    writer.writerows(found.items())
  return found


def _save(pixels: np.ndarray, mode: str, side: int, file: Path) -> None:
  image = Image.fromarray(pixels).resize((side, side))
  if mode == 'I;16':
    deep = np.asarray(image).astype(np.uint16) * 257
    Image.fromarray(deep).save(file)
    return
  kind = {'.jfif': 'JPEG', '.ppm': 'PPM'}.get(file.suffix)
  image.convert(mode).save(file, kind)


if __name__ == '__main__':
  made = make(Path(sys.argv[1]), *map(int, sys.argv[2:3]))
  print(f'{len(made)} images in {sys.argv[1]}')
