"""Parquet files, with images as bytes or as numbers, to named arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from rdd_jax.artifact.third_party.pick import LABELS
from rdd_jax.core.errors import UserError, one_line
from rdd_jax.data.readers.arrow import features_of
from rdd_jax.data.readers.parquet_file import read_table
from rdd_jax.runtime.decode import Undecodable, decode
from rdd_jax.runtime.sizes import require_memory


def columns(
  path: Path, channels: int | None
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
  """Reads the columns of a parquet file that are images or numbers.

  Args:
    path: of the file.
    channels: that encoded images are converted to, 1 or 3; None has color
      where any has color.

  Returns:
    Arrays by the name of the column, and the names of the classes that labels
    count, where the file has them: of Hugging Face's ClassLabel, or of labels
    that are words.

  Raises:
    UserError: if the file or an image is damaged, or images differ in size.
  """
  try:
    table = read_table(path)
    listed = {
      name: table.column(name).to_pylist() for name in table.schema.names
    }
  except UserError:  # of memory
    raise
  # What pyarrow raises depends on the damage.
  except Exception as error:
    raise UserError(
      f'{path} is damaged or no parquet file ({one_line(error)[:160]}); copy '
      'it again'
    ) from error
  names = {
    name: tuple(feature['names'])
    for name, feature in features_of(table).items()
    if feature.get('_type') == 'ClassLabel' and feature.get('names')
  }
  found: dict[str, np.ndarray] = {}
  for name, values in listed.items():
    values = [v['bytes'] if _is_image(v) else v for v in values]
    if values and all(isinstance(value, bytes) for value in values):
      found[name] = _decoded(values, channels, f'{path}: {name}')
    elif name in LABELS and all(isinstance(value, str) for value in values):
      names = {**names, name: tuple(sorted(set(values)))}
      found[name] = np.array([names[name].index(value) for value in values])
    elif (array := _numbers(values)) is not None:
      found[name] = array
  labels = [name for name in found if name in names]
  return found, names[labels[0]] if len(labels) == 1 else ()


def _is_image(value: Any) -> bool:
  return isinstance(value, dict) and isinstance(value.get('bytes'), bytes)


def _decoded(
  values: list[bytes], channels: int | None, where: str
) -> np.ndarray:
  try:
    images = [decode(value).image for value in values[:1]]
    width, height = images[0].size
    require_memory(3 * width * height * len(values), f'images of {where}')
    images += [decode(value).image for value in values[1:]]
  except Undecodable as error:
    raise UserError(f'{where} has an image {error}; copy it again') from error
  gray = channels == 1 or (
    channels is None and all(image.mode == 'L' for image in images)
  )
  sizes = {image.size for image in images}
  if len(sizes) > 1:
    raise UserError(
      f'{where} has images of {len(sizes)} sizes, such as '
      f'{" and ".join("x".join(map(str, s)) for s in sorted(sizes)[:2])}; '
      'resize them to one'
    )
  mode = 'L' if gray else 'RGB'
  pixels = np.stack([np.asarray(image.convert(mode)) for image in images])
  return pixels[..., None] if gray else pixels


def _numbers(values: list[Any]) -> np.ndarray | None:
  """Numbers, or lists of them that are alike; None for anything else."""
  try:
    found = np.array(values)
  except ValueError:  # lists that differ in length
    return None
  return found if found.dtype.kind in 'biuf' else None
