"""A set as plain rows, and what plain formats lose of it."""

from __future__ import annotations

from dataclasses import replace
import io

import jax.numpy as jnp
import numpy as np

from rdd_jax.artifact.store import Distilled
from rdd_jax.core.errors import UserError
from rdd_jax.synthetic.view import decode


def decoded(distilled: Distilled) -> Distilled:
  """Returns the same rows with each tile an image of its own: factor 1."""
  factor = distilled.card['factor']
  if factor == 1:
    return distilled
  copies = factor**2
  return replace(
    distilled,
    images=np.asarray(decode(jnp.asarray(distilled.images), factor)),
    targets=np.repeat(distilled.targets, copies, 0),
    weights=np.repeat(distilled.weights, copies, 0),
    cells=np.repeat(distilled.cells, copies, 0),
    card={
      **{k: v for k, v in distilled.card.items() if k != 'arrays'},
      'factor': 1,
    },
  )


def to_bytes(images: np.ndarray) -> np.ndarray:
  """Returns pixels `f[n, H, W, C]`, clipped to [0, 1] and rounded, as `u8`.

  >>> to_bytes(np.array([-1.0, 0.5, 1.0])).tolist()
  [0, 128, 255]
  """
  return np.rint(255 * np.clip(images, 0, 1)).astype(np.uint8)


def png(image: np.ndarray) -> bytes:
  """Encodes an image `u8[H, W, C]` with one channel or three as PNG.

  Raises:
    UserError: for another number of channels.
  """
  from PIL import Image

  if image.shape[2] not in (1, 3):
    raise UserError(
      f'images have {image.shape[2]} channels, and PNGs one or three; convert '
      'to npz or safetensors'
    )
  stream = io.BytesIO()
  flat = image[..., 0] if image.shape[2] == 1 else image
  Image.fromarray(flat).save(stream, 'png')
  return stream.getvalue()


def losses(distilled: Distilled) -> list[str]:
  """Tells what 8-bit images in class directories do not keep of a set."""
  rows = decoded(distilled)
  classes = len(rows.card['class_names'])
  known = rows.cells < classes
  targets, cells = rows.targets[known], rows.cells[known]
  found = []
  if distilled.card['factor'] > 1:
    found.append(
      f'{len(distilled.cells)} images of tiles became {len(rows.cells)}, '
      'enlarged'
    )
  outside = (rows.images < 0) | (rows.images > 1)
  if outside.any():
    found.append(f'{outside.mean():.1%} of values outside [0, 1] were clipped')
  found.append('pixels were rounded to 8 bits')
  if not np.allclose(targets.max(1), 1) or np.any(targets.argmax(1) != cells):
    found.append('soft labels became the class of the row')
  if np.ptp(rows.weights[known]) > 0:
    found.append('weights were dropped')
  if not known.all():
    found.append(f'{int((~known).sum())} outlier rows were left out')
  return found
