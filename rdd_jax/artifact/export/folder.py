"""A set as PNGs in a directory for each class."""

from __future__ import annotations

from pathlib import Path
import re

import numpy as np

from rdd_jax.artifact.export.rows import decoded, png, to_bytes
from rdd_jax.artifact.store import Distilled


def write_folder(directory: Path, distilled: Distilled) -> None:
  """Writes `DIRECTORY/CLASS/00000.png`; `losses` says what that drops.

  Directories are called by the names of classes, or, where one of these is no
  name of a directory, by their numbers.

  Args:
    directory: made if it is not there.
    distilled: the set; its outliers are left out.

  Raises:
    UserError: for images of other than one or three channels.
  """
  rows = decoded(distilled)
  names = list(rows.card['class_names'])
  if not all(re.fullmatch(r'[\w()][\w .,()-]*', name) for name in names):
    names = [str(c) for c in range(len(names))]
  pixels = to_bytes(rows.images)
  for c, name in enumerate(names):
    place = directory / name
    place.mkdir(parents=True, exist_ok=True)
    for i, row in enumerate(np.flatnonzero(rows.cells == c)):
      (place / f'{i:05}.png').write_bytes(png(pixels[row]))
