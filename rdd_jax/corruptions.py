"""Corruptions that make outliers of images (TrustDD's pseudo-outliers).

Each is a function `(key, pixels f[n, H, W, C] in [0, 1]) -> pixels` that keeps
the range, the shape and the dtype, for any size and number of channels. Random
ones draw anew for each row.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
from jax import Array
import jax.numpy as jnp
import numpy as np

from rdd_jax.errors import UserError

Corruption = Callable[[Array, Array], Array]


def invert() -> Corruption:
  """The negative, `1 - x`, of every channel."""
  return lambda key, pixels: 1 - pixels


def shuffle_tiles(tiles: int = 2) -> Corruption:
  """Deals the tiles of a `tiles` x `tiles` grid to other places.

  A permutation for each row, never the identity: in its place, one time in
  (tiles^2)!, stands the cyclic shift.

  Raises:
    UserError: for fewer than 2 tiles, or (at the call) a side that they do not
      divide.
  """
  if tiles < 2:
    raise UserError(f'shuffle_tiles({tiles}): one tile has no other place')

  def corrupt(key: Array, pixels: Array) -> Array:
    n, h, w, c = pixels.shape
    if h % tiles or w % tiles:
      raise UserError(
        f'shuffle_tiles({tiles}) of {h}x{w} pixels: '
        'take a number that divides both sides'
      )
    k = tiles**2
    ordered = jnp.broadcast_to(jnp.arange(k), (n, k))
    order = jnp.argsort(jax.random.uniform(key, (n, k)), axis=1)
    same = jnp.all(order == ordered, axis=1, keepdims=True)
    order = jnp.where(same, jnp.roll(ordered, 1, axis=1), order)
    grid = pixels.reshape(n, tiles, h // tiles, tiles, w // tiles, c)
    flat = grid.swapaxes(2, 3).reshape(n, k, h // tiles, w // tiles, c)
    dealt = jnp.take_along_axis(flat, order[:, :, None, None, None], axis=1)
    dealt = dealt.reshape(n, tiles, tiles, h // tiles, w // tiles, c)
    return dealt.swapaxes(2, 3).reshape(pixels.shape)

  return corrupt


def speckle(std: float = 1.0) -> Corruption:
  """Multiplicative noise: `clip(x + x * N(0, std^2), 0, 1)`."""

  def corrupt(key: Array, pixels: Array) -> Array:
    noise = std * jax.random.normal(key, pixels.shape, pixels.dtype)
    return jnp.clip(pixels + pixels * noise, 0, 1)

  return corrupt


def pixelate(fraction: float = 0.2) -> Corruption:
  """Averages blocks, `int(size * fraction)` of them along each axis.

  As a box-filtered resize there and back: a pixel belongs to the block in which
  its centre lies.
  """

  def average(size: int) -> np.ndarray:
    blocks = max(1, int(size * fraction))
    block = (2 * np.arange(size) + 1) * blocks // (2 * size)
    same = block[:, None] == block[None, :]
    return same / same.sum(1, keepdims=True)

  def corrupt(key: Array, pixels: Array) -> Array:
    del key  # the same for every draw
    _, h, w, _ = pixels.shape
    rows = jnp.asarray(average(h), pixels.dtype)
    columns = jnp.asarray(average(w), pixels.dtype)
    mean = jnp.einsum(
      'yi,xj,nijc->nyxc', rows, columns, pixels, precision='highest'
    )
    return jnp.clip(mean, 0, 1)

  return corrupt


def one_of(*corruptions: Corruption) -> Corruption:
  """One of them for each row, chosen uniformly; all of them are computed."""

  def corrupt(key: Array, pixels: Array) -> Array:
    choice, *keys = jax.random.split(key, 1 + len(corruptions))
    rows = (pixels.shape[0], 1, 1, 1)
    kind = jax.random.randint(choice, rows, 0, len(corruptions))
    cases = [f(k, pixels) for f, k in zip(corruptions, keys, strict=True)]
    return jax.lax.select_n(jnp.broadcast_to(kind, pixels.shape), *cases)

  return corrupt
