"""Large kernel matrices in tiles, with the memory of one."""

from __future__ import annotations

from typing import Any

import jax
from jax import Array, lax
import jax.numpy as jnp

from rdd_jax.core.sharding import constrain, shares
from rdd_jax.kernels.kernel import Kernel, Kernels


def blockwise(kernel: Kernel, size: int) -> Kernel:
  """Returns `kernel` in tiles of at most `size` by `size`, one after the other.

  What a tile computes on the way is forgotten, and computed again for a
  derivative. A symmetric matrix has its tiles below the diagonal copied from
  above. Under a mesh with an axis 'data' (`jax.set_mesh`), every device has a
  tile of its own in flight.

  Args:
    kernel: of rows; must give each entry by its two rows alone.
    size: the most rows of a tile; the last ones are filled up with zeros.

  Returns:
    A kernel with the same values.

  >>> from rdd_jax.kernels.fully_connected import fully_connected
  >>> blockwise(fully_connected(1), 2)(jnp.ones((3, 4))).ntk.shape
  (3, 3)
  """

  def tiled(x1: Array, x2: Array | None = None) -> Kernels:
    n = x1.shape[0], (x1 if x2 is None else x2).shape[0]
    if max(n) <= size:
      return kernel(x1, x2)
    if x2 is None:
      matrix = _symmetric(kernel, _deal(x1, size))
    else:
      matrix = _rectangle(kernel, _deal(x1, size), _deal(x2, size))
    return jax.tree.map(lambda tiles: _join(tiles)[: n[0], : n[1]], matrix)

  return jax.jit(tiled)


def _deal(x: Array, size: int) -> Array:
  """Blocks `[k, rows, ...]`, of as few rows as so few blocks allow.

  Less than a row of zeros to a block fills up the last one.
  """
  count = max(-(-x.shape[0] // size), 1)
  rows = -(-x.shape[0] // count)
  pads = ((0, count * rows - x.shape[0]),) + ((0, 0),) * (x.ndim - 1)
  return jnp.pad(x, pads).reshape(count, rows, *x.shape[1:])


def _join(tiles: Array) -> Array:
  """`[i, j, a, b]` to `[i * a, j * b]`."""
  i, j, a, b = tiles.shape
  return tiles.transpose(0, 2, 1, 3).reshape(i * a, j * b)


def _rectangle(kernel: Kernel, first: Array, second: Array) -> Kernels:
  rows, columns = first.shape[0], second.shape[0]
  i, j = (g.ravel() for g in jnp.mgrid[:rows, :columns])
  tiles = _map(lambda x: kernel(first[x[0]], second[x[1]]), (i, j))
  return jax.tree.map(lambda t: t.reshape(rows, columns, *t.shape[1:]), tiles)


def _symmetric(kernel: Kernel, blocks: Array) -> Kernels:
  count = blocks.shape[0]
  i, j = jnp.triu_indices(count, 1)
  above = _map(lambda x: kernel(blocks[x[0]], blocks[x[1]]), (i, j))
  middle = _map(lambda m: kernel(blocks[m]), jnp.arange(count))

  def place(above: Array, middle: Array) -> Array:
    tiles = jnp.zeros((count, count, *middle.shape[1:]), middle.dtype)
    tiles = tiles.at[i, j].set(above).at[j, i].set(above.swapaxes(1, 2))
    return tiles.at[jnp.arange(count), jnp.arange(count)].set(middle)

  return jax.tree.map(place, above, middle)


def _map(fn: Any, xs: Any) -> Any:
  """`lax.map(fn, xs)`, as many at a time as there are devices."""
  devices = shares()
  once = jax.checkpoint(fn, prevent_cse=False)
  if devices == 1:
    return lax.map(once, xs)
  n = jax.tree.leaves(xs)[0].shape[0]
  # The last turn is filled up with repeats of the first tiles.
  turns = jnp.arange(-(-n // devices) * devices) % n
  dealt = jax.tree.map(lambda x: x[turns].reshape(-1, devices), xs)

  def turn(x: Any) -> Any:
    return constrain(jax.vmap(once)(constrain(x)))

  tiles = lax.map(turn, dealt)
  return jax.tree.map(lambda t: t.reshape(-1, *t.shape[2:])[:n], tiles)
