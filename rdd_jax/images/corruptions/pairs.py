"""Corruptions in which each row meets another row of the batch.

The other rows are dealt out by a random derangement: each row is met once, and
none meets itself. Only a row alone in its batch does.
"""

from __future__ import annotations

import jax
from jax import Array
import jax.numpy as jnp

from rdd_jax.core import keys
from rdd_jax.core.errors import UserError
from rdd_jax.images.corruptions.corruption import Corruption


def partners(key: Array, n: int) -> Array:
  """Draws whom each row meets, uniform over the other rows for each row.

  Args:
    key: a random key.
    n: the number of rows.

  Returns:
    `i[n]`, a derangement where `n` is at least 2.
  """
  # The next one in a random cycle.
  order = jnp.argsort(jax.random.uniform(key, (n,)))
  return order.at[order].set(jnp.roll(order, 1), unique_indices=True)


def arithmetic_mean() -> Corruption:
  """Averages two rows, `(x + y) / 2`.

  The released code averages normalized pixels, which is the same.

  >>> pixels = jnp.full((2, 8, 8, 3), 0.5)
  >>> jax.eval_shape(arithmetic_mean(), jax.random.key(0), pixels).shape
  (2, 8, 8, 3)
  """

  def corrupt(key: Array, pixels: Array) -> Array:
    other = pixels[partners(key, len(pixels))]
    return pixels / 2 + other / 2

  return corrupt


def geometric_mean() -> Corruption:
  """Takes the geometric mean of two rows, `sqrt(x y)`: dark where one is.

  >>> pixels = jnp.full((2, 8, 8, 3), 0.5)
  >>> jax.eval_shape(geometric_mean(), jax.random.key(0), pixels).shape
  (2, 8, 8, 3)
  """

  def corrupt(key: Array, pixels: Array) -> Array:
    # The root of the product would underflow in half precision.
    root = jnp.sqrt(pixels)
    return root * root[partners(key, len(pixels))]

  return corrupt


def paste(share: tuple[float, float] = (0.2, 0.6)) -> Corruption:
  """Pastes a box of another row at the same place (after CutMix).

  The box lies inside the image. Its share of the area is drawn uniformly, and
  the log of its sides' ratio uniformly among what fits; sides are rounded down.

  Args:
    share: the smallest and the largest share of the area.

  Raises:
    UserError: for shares that are not in order within (0, 1), or (at the call)
      images of one pixel, which would be another image whole.

  >>> pixels = jnp.full((2, 8, 8, 3), 0.5)
  >>> jax.eval_shape(paste(), jax.random.key(0), pixels).shape
  (2, 8, 8, 3)
  """
  low, high = share
  if not 0 < low <= high < 1:
    raise UserError(f'paste({share}): take (low, high), 0 < low <= high < 1')

  def corrupt(key: Array, pixels: Array) -> Array:
    n, h, w, _ = pixels.shape
    if h * w == 1:
      raise UserError(
        'paste of 1x1 pixels: it needs two pixels at least, take larger images '
        'or another corruption'
      )
    meet, box = jax.random.split(key)
    u = keys.uniform(box, (4, n, 1, 1, 1), jnp.float32)
    area = low + (high - low) * u[0]

    def inside(exponent: Array, u: Array, length: int, most: int) -> Array:
      size = jnp.clip(jnp.int32(length * area**exponent), 1, most)
      start = jnp.int32(u * (length + 1 - size))
      offset = jnp.arange(length).reshape(1, -1, 1, 1) - start
      return (offset >= 0) & (offset < size)

    # A box must leave something of an image that is one pixel wide.
    rows = inside(u[1], u[2], h, h - (w == 1))
    columns = inside(1 - u[1], u[3], w, w - (h == 1)).swapaxes(1, 2)
    return jnp.where(rows & columns, pixels[partners(meet, n)], pixels)

  return corrupt
