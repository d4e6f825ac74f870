"""Work shared out to the devices of a mesh, and summed in blocks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import jax
from jax import Array, lax
import jax.numpy as jnp
from jax.sharding import PartitionSpec

T = TypeVar('T')


def shares() -> int:
  """Counts the devices that rows are shared out to, here.

  Those of the mesh axis 'data'; 1 where no mesh with that axis is set by
  `jax.set_mesh`, and within `jax.shard_map`, where a device has its own rows.

  >>> shares()
  1
  """
  mesh = jax.sharding.get_abstract_mesh()
  if 'data' in mesh.manual_axes:
    return 1
  return dict(mesh.shape).get('data', 1)


def constrain(tree: T, axis: int = 0) -> T:
  """Shards dimension `axis` of every leaf over the mesh axis 'data'.

  Leaves are left alone where there is nobody to share with, see `shares`, and
  where they lack the dimension or it does not divide.

  Args:
    tree: of arrays.
    axis: the dimension.
  """
  devices = shares()
  spec = PartitionSpec(*(None,) * axis, 'data')

  def one(leaf: Array) -> Array:
    if devices == 1 or leaf.ndim <= axis or leaf.shape[axis] % devices:
      return leaf
    return lax.with_sharding_constraint(leaf, spec)

  return jax.tree.map(one, tree)


def by_rows(
  fn: Callable[..., Any], rows: Any, *given: Any, axis: int = 0
) -> Any:
  """Applies `fn` on each device to that device's rows; all have all results.

  Where one device has `n` rows, each computes what it would alone: the same
  bits as on one device that is given the same `n` rows, and others after them.

  Args:
    fn: traced; `(rows, *given)` to a tree of arrays, each of its own row along
      `axis`. Arrays come in by its arguments: it holds no traced ones.
    rows: a pytree whose leaves are `[d * n, ...]`, for `d` devices.
    *given: pytrees that every device has whole.
    axis: the rows of what `fn` returns.

  >>> by_rows(lambda x, y: x + y, jnp.arange(3), jnp.ones([], int)).tolist()
  [1, 2, 3]
  """
  if shares() == 1:
    return fn(rows, *given)
  own, whole = PartitionSpec('data'), PartitionSpec()
  found = jax.shard_map(
    fn,
    in_specs=(own, *(whole,) * len(given)),
    out_specs=PartitionSpec(*(None,) * axis, 'data'),
    check_vma=False,
  )(rows, *given)
  return lax.with_sharding_constraint(found, whole)


def map_shared(fn: Callable[..., Any], xs: Any, *given: Any) -> Any:
  """Maps `fn` over rows one after the other, dealt out to the devices.

  To the same bits as `lax.map` on one device; all have all results.

  Args:
    fn: `(row, *given)` to a result; holds no traced arrays.
    xs: a pytree whose leaves are `[k, ...]`.
    *given: pytrees that every device has whole.

  Returns:
    A pytree whose leaves are `[k, ...]`.

  >>> map_shared(lambda x, y: x * y, jnp.arange(3), jnp.array(2)).tolist()
  [0, 2, 4]
  """

  def own(xs: Any, *given: Any) -> Any:
    return lax.map(lambda x: fn(x, *given), xs)

  count = jax.tree.leaves(xs)[0].shape[0]
  turns = -(-count // shares()) * shares()
  if turns > count:  # the last one fills up
    every = jnp.minimum(jnp.arange(turns), count - 1)
    xs = jax.tree.map(lambda x: x[every], xs)
  found = by_rows(own, xs, *given)
  return jax.tree.map(lambda x: x[:count], found)


def each(
  fn: Callable[[Any], Any], xs: Any, parallel: bool | None = None
) -> Any:
  """Applies `fn` to each row of `xs`, by `vmap` or by `lax.map`.

  Args:
    fn: from a row to a result.
    xs: a pytree whose leaves are `[k, ...]`.
    parallel: None goes side by side except on CPUs, where networks, whose
      convolutions then become grouped ones, are slower that way.

  Returns:
    A pytree whose leaves are `[k, ...]`.
  """
  if parallel is None:
    parallel = jax.default_backend() != 'cpu'
  return jax.vmap(fn)(xs) if parallel else lax.map(fn, xs)


def in_blocks(fn: Callable[[T], Any], rows: T, size: int) -> Any:
  """Applies `fn` to blocks of so many rows, one after the other.

  Args:
    fn: from some of the rows to a pytree of `[b, ...]`, each of its own row.
    rows: a pytree whose leaves are `[n, ...]`.
    size: of a block, at most; blocks are made as even as they can be.

  Returns:
    A pytree whose leaves are `[n, ...]`.

  >>> in_blocks(lambda x: 2 * x, jnp.arange(5), 2).tolist()
  [0, 2, 4, 6, 8]
  """
  n = jax.tree.leaves(rows)[0].shape[0]
  if n <= size:
    return fn(rows)
  found = lax.map(fn, _dealt(rows, -(-n // size)))
  return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:])[:n], found)


def _dealt(rows: T, count: int) -> T:
  """Rows as `[count, size, ...]`, the last block filled with zeros."""

  def blocks(leaf: Array) -> Array:
    size = -(-leaf.shape[0] // count)
    extra = ((0, count * size - leaf.shape[0]),) + ((0, 0),) * (leaf.ndim - 1)
    return jnp.pad(leaf, extra).reshape(count, size, *leaf.shape[1:])

  return jax.tree.map(blocks, rows)


def sum_in_blocks(fn: Callable[[T], Any], rows: T, size: int) -> Any:
  """Sums `fn` over blocks of so many rows, one after the other.

  What `fn` keeps for a derivative is kept of one block at a time. Where the
  rows do not divide, rows of zeros fill the last block.

  Args:
    fn: from some of the rows to a pytree; of rows of zeros, zeros.
    rows: a pytree whose leaves are `[n, ...]`.
    size: of a block, at most; blocks are made as even as they can be.
  """
  n = jax.tree.leaves(rows)[0].shape[0]
  count = -(-n // size)
  if count <= 1:
    return fn(rows)
  dealt = _dealt(rows, count)
  block = jax.checkpoint(fn, prevent_cse=False)
  first = jax.eval_shape(fn, jax.tree.map(lambda leaf: leaf[0], dealt))
  zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), first)
  add = partial(jax.tree.map, jnp.add)
  return lax.scan(lambda sum, x: (add(sum, block(x)), None), zeros, dealt)[0]
