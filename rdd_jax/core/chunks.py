"""Maps functions over arrays that are too long for one call.

Of streamed images the rows of a chunk are sent while the one before is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding, PartitionSpec
import numpy as np

from rdd_jax.core.ahead import in_advance
from rdd_jax.core.sharding import constrain, shares
from rdd_jax.core.streamed import Streamed

Take = Callable[[Any, np.ndarray], Any]

_ON_HOST = np.ndarray, Streamed


class Picked:
  """Some rows of an array, taken from it a chunk at a time.

  `in_chunks` and `in_shares` take it in the place of `array[rows]`.

  >>> in_chunks(lambda x: x, Picked(np.arange(9), np.array([2, 7, 5])), 2)
  array([2, 7, 5])
  """

  def __init__(self, array: Any, rows: np.ndarray):
    """Picks rows.

    Args:
      array: `[N, ...]`, of which `array[rows]` and `array.shape` are used.
      rows: `i[n]`, which of them.
    """
    self.array, self.rows = array, np.asarray(rows)

  @property
  def shape(self) -> tuple[int, ...]:
    """Returns `(n, ...)`."""
    return (len(self.rows), *self.array.shape[1:])

  def __len__(self) -> int:
    """Returns the number of rows."""
    return len(self.rows)


def in_chunks(
  fn: Callable[[Any], Any], arrays: Any, size: int, *, axis: int = 0
) -> Any:
  """Returns `fn(arrays)`, computed from chunks of one size.

  The last chunk repeats the last row, so that `fn`, if jitted, is compiled
  for one shape only.

  Args:
    fn: from a tree of `[b, ...]` to a tree of arrays with `b` rows along
      `axis`, each computed from its own row; may copy them to the host.
    arrays: tree of `[n, ...]` with n >= 1, of NumPy or JAX, streamed or
      `Picked`.
    size: rows in a chunk; fewer where there are fewer.
    axis: the rows of what `fn` returns.

  Returns:
    The tree that `fn` returns, with `n` rows along `axis`; on the host where
    `fn` returns NumPy arrays.

  >>> in_chunks(lambda x: 2 * x, np.arange(5), 2)
  array([0, 2, 4, 6, 8])
  """
  return _in_turn(fn, arrays, min(_count(arrays), size), axis, _take)


def in_shares(
  fn: Callable[[Any], Any], arrays: Any, size: int, *, axis: int = 0
) -> Any:
  """Returns what `in_chunks` does, the chunks dealt out to all devices.

  Where a mesh is set (`jax.set_mesh`), each device has a chunk of its own at a
  time, which its process reads alone, and everybody has all results. With
  `sharding.by_rows` in `fn`, they are those of one device, bit for bit. All
  processes have to call it together.

  Args:
    fn: as of `in_chunks`; jitted, and what it computes is in `by_rows`.
    arrays, size, axis: as of `in_chunks`.

  >>> in_shares(lambda x: 2 * x, np.arange(5), 2)
  array([0, 2, 4, 6, 8])
  """
  devices = shares()
  if devices == 1:
    return in_chunks(fn, arrays, size, axis=axis)
  size = devices * min(_count(arrays), size)
  return _in_turn(fn, arrays, size, axis, _deal)


def _in_turn(
  fn: Callable[[Any], Any], arrays: Any, size: int, axis: int, take: Take
) -> Any:
  """Calls `fn` with chunk after chunk; of streams the next is on its way."""
  n, parts = _count(arrays), []
  leaves, tree = jax.tree.flatten(arrays, is_leaf=_is_array)
  streams = [x for x in leaves if _streams(x)]
  chunks = [
    np.minimum(np.arange(start, start + size), n - 1)
    for start in range(0, n, size)
  ]
  for rows, read in zip(chunks, _read(streams, chunks, take), strict=True):
    sent = iter(read)
    given = [next(sent) if _streams(x) else take(x, rows) for x in leaves]
    parts.append(fn(jax.tree.unflatten(tree, given)))

  def join(*leaves: Any) -> Any:
    joined = _concatenate(leaves, axis)
    return joined[(slice(None),) * axis + (slice(n),)]

  return jax.tree.map(join, *parts)


def _read(
  streams: Sequence[Any], chunks: Sequence[np.ndarray], take: Take
) -> Iterable[Sequence[Any]]:
  """The rows of streams in each chunk, on the device; sent a chunk ahead."""
  if not streams:
    return [()] * len(chunks)
  mesh = jax.sharding.get_mesh()  # of this thread

  def send(rows: np.ndarray) -> Sequence[Any]:
    with jax.set_mesh(mesh):
      return [_placed(take(x, rows)) for x in streams]

  return in_advance(send, chunks)


def _placed(x: np.ndarray | jax.Array) -> jax.Array:
  return x if isinstance(x, jax.Array) else jax.device_put(x)


def _streams(x: Any) -> bool:
  return isinstance(x.array if isinstance(x, Picked) else x, Streamed)


def _count(arrays: Any) -> int:
  return len(jax.tree.leaves(arrays, is_leaf=_is_array)[0])


def _is_array(x: Any) -> bool:
  return hasattr(x, 'shape')


def _take(x: Any, rows: np.ndarray) -> Any:
  if isinstance(x, Picked):
    return _take(x.array, x.rows[rows])
  return x[rows] if isinstance(x, _ON_HOST) else _on_device(x, rows)


@jax.jit
def _on_device(x: jax.Array, rows: jax.Array) -> jax.Array:
  return x[rows]


@jax.jit
def _on_devices(x: jax.Array, rows: jax.Array) -> jax.Array:
  return constrain(x[rows])


def _deal(x: Any, rows: np.ndarray) -> Any:
  """Rows of which each device has its own; a process reads those of its."""
  if isinstance(x, Picked):
    return _deal(x.array, x.rows[rows])
  mesh = jax.sharding.get_mesh()
  own = NamedSharding(mesh, PartitionSpec('data'))
  if isinstance(x, _ON_HOST):

    def read(index: Any) -> np.ndarray:
      return x[rows[index[0]]]

    return jax.make_array_from_callback((len(rows), *x.shape[1:]), own, read)
  return _on_devices(x, _deal(rows, np.arange(len(rows))))


def _concatenate(leaves: Sequence[Any], axis: int) -> Any:
  on_host = isinstance(leaves[0], np.ndarray)
  return (np if on_host else jnp).concatenate(leaves, axis)
