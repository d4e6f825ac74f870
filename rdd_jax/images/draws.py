"""Random numbers of augmentations, shared by all rows or not, and boxes."""

from __future__ import annotations

from jax import Array
import jax.numpy as jnp

from rdd_jax.core import keys


def box(u: Array, images: Array, fraction: float | Array) -> Array:
  """Returns a mask that is true in a box centered anywhere in the image.

  Args:
    u: `f[2, 1 or n, 1, 1, 1]` in [0, 1), of the center.
    images: `f[n, H, W, C]`, for their size.
    fraction: of a side that the box has.

  Returns:
    `bool[1 or n, H, W, 1]`.

  >>> u = jnp.full((2, 1, 1, 1, 1), 0.5)
  >>> int(box(u, jnp.zeros((1, 4, 4, 1)), 0.5).sum())
  4
  """
  _, h, w, _ = images.shape

  def inside(u: Array, pixels: Array, length: int) -> Array:
    size = jnp.int32(length * fraction + 0.5)
    # An even box is centered between two pixels, or on the rim.
    center = jnp.int32(u * (length + 1 - size % 2))
    offset = pixels - center + size // 2
    return (offset >= 0) & (offset < size)

  y, x = jnp.arange(h)[None, :, None, None], jnp.arange(w)[None, None, :, None]
  return inside(u[0], y, h) & inside(u[1], x, w)


def draw(key: Array, k: int, images: Array, siamese: bool) -> Array:
  """Draws `k` parameters of each image from U(0, 1).

  In one draw, for each takes long to compile; and in no less than float32, for
  some become coordinates.

  Args:
    key: a random key.
    k: parameters of an image.
    images: `f[n, H, W, C]`.
    siamese: one set for all images.

  Returns:
    `f[k, 1 or n, 1, 1, 1]`.

  >>> import jax
  >>> draw(jax.random.key(0), 2, jnp.zeros((5, 4, 4, 1)), False).shape
  (2, 5, 1, 1, 1)
  """
  shape = (k, 1 if siamese else images.shape[0], 1, 1, 1)
  u = keys.uniform(key, shape, jnp.float32)
  return u.astype(jnp.promote_types(u.dtype, images.dtype))
