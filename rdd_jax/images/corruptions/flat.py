"""Corruptions that leave shapes without texture, as drawings have."""

from __future__ import annotations

import jax
from jax import Array
import jax.numpy as jnp

from rdd_jax.core import keys
from rdd_jax.core.errors import UserError
from rdd_jax.images.corruptions.corruption import Corruption
from rdd_jax.images.corruptions.pixels import blur


def posterize(levels: int = 2) -> Corruption:
  """Rounds each channel to the nearest of so many levels from 0 to 1.

  Raises:
    UserError: for fewer than 2 levels.

  >>> posterize()(jax.random.key(0), jnp.full((1, 2, 2, 1), 0.75)).max().item()
  1.0
  """
  if levels < 2:
    raise UserError(f'posterize({levels}): take at least 2 levels')
  steps = levels - 1
  return lambda key, pixels: jnp.round(steps * pixels) / steps


def silhouette(sigma: float = 1 / 28) -> Corruption:
  """Shows what is brighter, or darker, than the mean, in one color on black.

  The image is blurred first, so that regions are whole. Which side is shown is
  drawn for each row; so is the color, whose brightest channel is 1.

  Args:
    sigma: of the blur, as a share of the side.

  Raises:
    UserError: for a `sigma` that is not positive.

  >>> pixels = jnp.full((2, 8, 8, 3), 0.5)
  >>> jax.eval_shape(silhouette(), jax.random.key(0), pixels).shape
  (2, 8, 8, 3)
  """
  smooth = blur(sigma)

  def corrupt(key: Array, pixels: Array) -> Array:
    sides, colors = jax.random.split(key)
    n, _, _, channels = pixels.shape
    light = smooth(key, pixels).mean(3, keepdims=True)
    above = light > light.mean((1, 2), keepdims=True)
    bright = jax.random.bernoulli(sides, shape=(n, 1, 1, 1))
    color = keys.uniform(colors, (n, 1, 1, channels), minval=1e-3)
    # XLA may multiply by the reciprocal: x / x is not always 1 then.
    color = jnp.minimum(color / color.max(3, keepdims=True), 1)
    return jnp.where(above == bright, color, 0).astype(pixels.dtype)

  return corrupt


def outline() -> Corruption:
  """Draws edges, bright on black: the norm of differences to the next pixels.

  Relative to the strongest edge of the image, and doubled, so that all edges
  above half of it are as bright. Of an image without edges, black.

  >>> pixels = jnp.full((2, 8, 8, 3), 0.5)
  >>> jax.eval_shape(outline(), jax.random.key(0), pixels).shape
  (2, 8, 8, 3)
  """

  def corrupt(key: Array, pixels: Array) -> Array:
    del key  # the same for every draw
    dtype = jnp.promote_types(pixels.dtype, jnp.float32)
    x = pixels.astype(dtype)
    down = jnp.diff(x, axis=1, append=x[:, -1:])
    right = jnp.diff(x, axis=2, append=x[:, :, -1:])
    edges = jnp.sqrt((down**2 + right**2).mean(3, keepdims=True))
    top = jnp.maximum(edges.max((1, 2), keepdims=True), 1e-6)
    shown = jnp.minimum(2 * edges / top, 1)
    return jnp.broadcast_to(shown, pixels.shape).astype(pixels.dtype)

  return corrupt
