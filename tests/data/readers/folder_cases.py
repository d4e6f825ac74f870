"""Small folders of images, for tests of their reading."""

from __future__ import annotations

import os

import numpy as np
from PIL import Image
import pytest

from rdd_jax import data
from rdd_jax.core.errors import UserError

COLOR = np.random.default_rng(0).integers(0, 256, (4, 4, 3), np.uint8)


def save(file, image=COLOR, **options):
  """Writes an image, an array or Pillow's, or text, and makes directories."""
  file.parent.mkdir(parents=True, exist_ok=True)
  if isinstance(image, str):
    file.write_text(image)
  else:
    if isinstance(image, np.ndarray):
      image = Image.fromarray(image)
    image.save(file, **options)
  return file


def fill(root, count=5, classes=('cat', 'dog')):
  """Writes `count` images of each class, all different."""
  for c, name in enumerate(classes):
    for i in range(count):
      save(root / name / f'{i:03}.png', COLOR // (c + 2) + np.uint8(i))
  return root


def fails(match, root, **options):
  """Checks for the one line of an error."""
  with pytest.raises(UserError, match=match) as caught:
    data.load(f'folder:{root}', **options)
  assert '\n' not in str(caught.value)
  return str(caught.value)


def load_or_line(name):
  """Loads a data set, or checks that the error has one line."""
  try:
    return data.load(name)
  except UserError as error:
    line = str(error)
  assert '\n' not in line
  return None


def files_below(root):
  """Counts files and links."""
  return sum(
    len(files) + sum((os.path.islink(os.path.join(top, d))) for d in dirs)
    for top, dirs, files in os.walk(root)
  )
