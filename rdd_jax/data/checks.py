"""Checks of arrays: what errors say of a wrong type, shape or length."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rdd_jax.core.errors import UserError
from rdd_jax.core.streamed import HostImages


def class_numbers(labels: np.ndarray) -> tuple[str, ...]:
  """Names classes '0' to the largest label.

  Labels that `check_split` refuses have none.

  >>> class_numbers(np.array([0, 2, 1]))
  ('0', '1', '2')
  """
  labels = np.asarray(labels)
  if not labels.size or not np.issubdtype(labels.dtype, np.integer):
    return ()
  return tuple(str(c) for c in range(int(labels.max()) + 1))


def mask(
  values: np.ndarray | None, length: int, what: str
) -> np.ndarray | None:
  """Checks a marking of rows, `b[length]` or None.

  Args:
    values: the marking.
    length: the number of rows.
    what: what an error calls it.

  Raises:
    UserError: for another type or shape.
  """
  if values is None:
    return None
  values = np.asarray(values)
  if values.dtype != bool or values.shape != (length,):
    raise UserError(
      f'{what} is {values.dtype}{list(values.shape)} for {length} images; give '
      f'bool[{length}]'
    )
  return values


def integers(values: np.ndarray, length: int, what: str) -> np.ndarray:
  """Checks labels or groups, `i[length]`.

  Args:
    values: the numbers.
    length: of rows.
    what: what an error calls them.

  Raises:
    UserError: for another type or shape.

  >>> integers([3, 1], 2, 'labels')
  array([3, 1])
  """
  values = np.asarray(values)
  if not np.issubdtype(values.dtype, np.integer):
    raise UserError(f'{what} are {values.dtype}; give integers')
  if values.shape != (length,):
    raise UserError(
      f'{what} have shape {values.shape} for {length} images; give ({length},)'
    )
  return values


def require_shape(name: str, images: HostImages, shape: Sequence[int]) -> None:
  """Raises a UserError unless `images` is [N, *shape].

  Args:
    name: what the error calls the images.
    images: u8[N, H, W, C].
    shape: the (H, W, C) that is needed.

  >>> require_shape('test', np.zeros((5, 8, 8, 1), np.uint8), (8, 8, 3)
  ... )  # doctest: +ELLIPSIS
  Traceback (most recent call last):
  rdd_jax.core.errors.UserError: test images are grayscale ...
  """
  given = images.shape[1:]
  if given == tuple(shape):
    return
  height, width, channels = shape
  advice = []
  if given[:2] != (height, width):
    size = height if height == width else (height, width)
    advice.append(f'size={size}')
  if given[2] != channels:
    advice.append(f'channels={channels}')
  raise UserError(
    f'{name} images are {_describe(given)} where {_describe(shape)} is '
    f'needed; set {", ".join(advice)}, as in --config.data.{advice[0]}'
  )


def _describe(shape: Sequence[int]) -> str:
  kind = {1: 'grayscale ', 3: 'colour '}.get(shape[2], '')
  return kind + 'x'.join(str(n) for n in shape)
