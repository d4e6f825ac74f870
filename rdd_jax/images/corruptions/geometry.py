"""Corruptions that move pixels within an image."""

from __future__ import annotations

from collections.abc import Sequence

import jax
from jax import Array
import jax.numpy as jnp
import numpy as np

from rdd_jax.core import keys
from rdd_jax.core.errors import UserError
from rdd_jax.images.corruptions.corruption import Corruption


def shuffle_tiles(tiles: int = 2) -> Corruption:
  """Deals the tiles of a `tiles` x `tiles` grid to other places.

  A permutation for each row, never the identity: in its place, one time in
  (tiles^2)!, stands the cyclic shift. Of a side that `tiles` does not divide,
  the pixels left over at the bottom or right stay.

  Raises:
    UserError: for fewer than 2 tiles, or (at the call) a side of fewer pixels
      than `tiles`.

  >>> pixels = jnp.full((2, 8, 8, 3), 0.5)
  >>> jax.eval_shape(shuffle_tiles(), jax.random.key(0), pixels).shape
  (2, 8, 8, 3)
  """
  if tiles < 2:
    raise UserError(f'shuffle_tiles({tiles}): one tile has no other place')

  def corrupt(key: Array, pixels: Array) -> Array:
    n, h, w, c = pixels.shape
    _needs(f'shuffle_tiles({tiles})', pixels, tiles)
    k, y, x = tiles**2, h // tiles, w // tiles
    ordered = jnp.broadcast_to(jnp.arange(k), (n, k))
    order = jnp.argsort(keys.uniform(key, (n, k)), axis=1)
    same = jnp.all(order == ordered, axis=1, keepdims=True)
    order = jnp.where(same, jnp.roll(ordered, 1, axis=1), order)
    grid = pixels[:, : tiles * y, : tiles * x].reshape(n, tiles, y, tiles, x, c)
    flat = grid.swapaxes(2, 3).reshape(n, k, y, x, c)
    dealt = jnp.take_along_axis(flat, order[:, :, None, None, None], axis=1)
    dealt = dealt.reshape(n, tiles, tiles, y, x, c).swapaxes(2, 3)
    return _top_left(pixels, dealt.reshape(n, tiles * y, tiles * x, c))

  return corrupt


def jigsaw() -> Corruption:
  """Permutes the quarters of an image, always alike, as released.

  The top left keeps its place, with its two halves swapped, upper and lower;
  the bottom left goes to the top right, the bottom right to the bottom left,
  and the top right to the bottom right, with its two halves swapped, left and
  right. An odd last row or column stays. TrustDD's code (Ma et al., 2023), from
  outlier exposure's (Hendrycks et al., 2019), there for 32x32 pixels only.

  Raises:
    UserError: at the call, for a side of fewer than 2 pixels.

  >>> pixels = jnp.full((2, 8, 8, 3), 0.5)
  >>> jax.eval_shape(jigsaw(), jax.random.key(0), pixels).shape
  (2, 8, 8, 3)
  """

  def corrupt(key: Array, pixels: Array) -> Array:
    del key  # the same for every draw
    _, h, w, _ = pixels.shape
    _needs('jigsaw', pixels, 2)
    y, x = h // 2, w // 2
    upper, lower = pixels[:, :y], pixels[:, y : 2 * y]
    top_left = jnp.roll(upper[:, :, :x], -(y // 2), axis=1)
    top_right = jnp.roll(upper[:, :, x : 2 * x], -(x // 2), axis=2)
    bottom_left, bottom_right = lower[:, :, :x], lower[:, :, x : 2 * x]
    top = jnp.concatenate([top_left, bottom_left], axis=2)
    bottom = jnp.concatenate([bottom_right, top_right], axis=2)
    return _top_left(pixels, jnp.concatenate([top, bottom], axis=1))

  return corrupt


def rotate(degrees: Sequence[int] = (90, 180, 270)) -> Corruption:
  """Turns each row by one of these right angles, anticlockwise.

  Raises:
    UserError: for no angle or one that is not 90, 180 or 270, or (at the call)
      one that is not 180 where height and width differ.

  >>> pixels = jnp.full((2, 8, 8, 3), 0.5)
  >>> jax.eval_shape(rotate(), jax.random.key(0), pixels).shape
  (2, 8, 8, 3)
  """
  if not degrees or not set(degrees) <= {90, 180, 270}:
    raise UserError(f'rotate({tuple(degrees)}): take some of 90, 180 and 270')

  def corrupt(key: Array, pixels: Array) -> Array:
    n, h, w, _ = pixels.shape
    if h != w and set(degrees) != {180}:
      raise UserError(
        f'rotate({tuple(degrees)}) of {h}x{w} pixels: only 180 keeps the shape '
        'of images that are not square, take degrees=(180,)'
      )
    cases = [jnp.rot90(pixels, angle // 90, axes=(1, 2)) for angle in degrees]
    u = keys.uniform(key, (n, 1, 1, 1), jnp.float32)
    which = jnp.int32(u * len(cases))
    return jax.lax.select_n(jnp.broadcast_to(which, pixels.shape), *cases)

  return corrupt


def warp(grid: int = 5, std: float = 0.14) -> Corruption:
  """Pulls an image about like rubber (Simard et al., 2003).

  Each point of a `grid` x `grid` lattice that spans the image is moved by a
  normal draw along each axis, and the pixels between them bilinearly. Where a
  pixel comes from is sampled bilinearly too, the nearest edge from outside.

  Args:
    grid: points along each axis; 1 shifts the image as a whole.
    std: of the displacements of the points, as a share of the side.

  Raises:
    UserError: for a lattice without points.

  >>> pixels = jnp.full((2, 8, 8, 3), 0.5)
  >>> jax.eval_shape(warp(), jax.random.key(0), pixels).shape
  (2, 8, 8, 3)
  """
  if grid < 1:
    raise UserError(f'warp(grid={grid}): take at least 1 point along each axis')

  def hat(size: int) -> Array:
    at = np.linspace(0, grid - 1, size)[:, None]
    near = np.maximum(0, 1 - np.abs(at - np.arange(grid)))
    return jnp.asarray(near, jnp.float32)

  def corrupt(key: Array, pixels: Array) -> Array:
    n, h, w, _ = pixels.shape
    nodes = keys.normal(key, (n, grid, grid, 2), jnp.float32)
    field = jnp.einsum(
      'yi,xj,nijd->nyxd', hat(h), hat(w), nodes, precision='highest'
    )
    y = jnp.arange(h, dtype=jnp.float32)[None, :, None]
    x = jnp.arange(w, dtype=jnp.float32)[None, None, :]
    return sample(
      pixels, y + std * h * field[..., 0], x + std * w * field[..., 1]
    )

  return corrupt


def sample(pixels: Array, y: Array, x: Array) -> Array:
  """Samples pixels bilinearly at given points; those outside are clamped.

  Args:
    pixels: `f[n, H, W, C]` in [0, 1].
    y: `f[n, H, W]`, rows of pixels.
    x: `f[n, H, W]`, columns of pixels.

  Returns:
    `f[n, H, W, C]` in [0, 1], of the dtype of `pixels`.
  """
  n, h, w, _ = pixels.shape
  dtype = jnp.promote_types(pixels.dtype, jnp.float32)
  row = jnp.arange(n)[:, None, None]
  y, x = jnp.clip(y, 0, h - 1), jnp.clip(x, 0, w - 1)
  top, left = y.astype(jnp.int32), x.astype(jnp.int32)
  bottom, right = jnp.minimum(top + 1, h - 1), jnp.minimum(left + 1, w - 1)
  down, across = (y - top)[..., None], (x - left)[..., None]

  def along(y: Array) -> Array:
    a, b = (
      pixels.at[row, y, x].get(mode='promise_in_bounds').astype(dtype)
      for x in (left, right)
    )
    return (1 - across) * a + across * b

  moved = (1 - down) * along(top) + down * along(bottom)
  return jnp.clip(moved, 0, 1).astype(pixels.dtype)


def _top_left(pixels: Array, part: Array) -> Array:
  return jax.lax.dynamic_update_slice(pixels, part, (0, 0, 0, 0))


def _needs(what: str, pixels: Array, side: int) -> None:
  _, h, w, _ = pixels.shape
  if min(h, w) < side:
    raise UserError(
      f'{what} of {h}x{w} pixels: it needs at least {side} along each side, '
      'take larger images or another corruption'
    )
