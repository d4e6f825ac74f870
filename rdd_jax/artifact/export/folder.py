"""A set as PNGs in a directory for each class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
import re

import numpy as np

from rdd_jax.artifact.export.rows import decoded, png, to_bytes
from rdd_jax.artifact.store import Distilled
from rdd_jax.core.errors import UserError
from rdd_jax.runtime import pixels


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
  names = _directories(rows.card['class_names'])
  pixels = to_bytes(rows.images)
  for c, name in enumerate(names):
    place = directory / name
    place.mkdir(parents=True, exist_ok=True)
    for i, row in enumerate(np.flatnonzero(rows.cells == c)):
      (place / f'{i:05}.png').write_bytes(png(pixels[row]))


def read_folder(
  directory: Path, class_names: Sequence[str], outputs: int
) -> dict[str, np.ndarray]:
  """Reads what `write_folder` wrote, class by class: rows of weight one.

  Args:
    directory: of the classes.
    class_names: of the set.
    outputs: columns of its targets.

  Returns:
    The arrays of rows by the names of `rdd_jax.artifact.schema`.

  Raises:
    UserError: if an image cannot be read, or is of another size.
  """
  names = _directories(class_names)
  files = [sorted((directory / name).glob('*.png')) for name in names]
  cells = np.repeat(np.arange(len(names), dtype=np.int32), [*map(len, files)])
  images = [_pixels(file) for of_class in files for file in of_class]
  if len({image.shape for image in images}) != 1:
    raise UserError(
      f'{directory} has {len(images)} images of '
      f'{len({image.shape for image in images})} sizes; convert the set again'
    )
  return {
    'images': np.stack(images).astype(np.float32) / 255,
    'targets': np.eye(outputs, dtype=np.float32)[cells],
    'weights': np.ones(len(cells), np.float32),
    'cells': cells,
  }


def _directories(class_names: Sequence[str]) -> list[str]:
  """The directory of each class."""
  names = list(class_names)
  if all(re.fullmatch(r'[\w()][\w .,()-]*', name) for name in names):
    return names
  return [str(c) for c in range(len(names))]


def _pixels(file: Path) -> np.ndarray:
  (found,) = pixels.read([file], None, None)
  if found.row is None:
    raise UserError(
      f'cannot read {file} (it is {", ".join(found.notes)}); convert the set '
      'again'
    )
  return found.row
