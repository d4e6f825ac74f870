"""Maps functions over arrays that are too long for one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def in_chunks(
  fn: Callable[[Any], Any], arrays: Any, size: int, *, axis: int = 0
) -> Any:
  """Returns `fn(arrays)`, computed from chunks of one size.

  The last chunk repeats the last row, so that `fn`, if jitted, is compiled
  for one shape only.

  Args:
    fn: from a tree of `[b, ...]` to a tree of arrays with `b` rows along
      `axis`, each computed from its own row; may copy them to the host.
    arrays: tree of `[n, ...]` with n >= 1, of NumPy or JAX.
    size: rows in a chunk; fewer where there are fewer.
    axis: the rows of what `fn` returns.

  Returns:
    The tree that `fn` returns, with `n` rows along `axis`; on the host where
    `fn` returns NumPy arrays.

  >>> in_chunks(lambda x: 2 * x, np.arange(5), 2)
  array([0, 2, 4, 6, 8])
  """
  n = len(jax.tree.leaves(arrays)[0])
  size = min(n, size)
  parts = []
  for start in range(0, n, size):
    rows = np.minimum(np.arange(start, start + size), n - 1)
    parts.append(fn(jax.tree.map(lambda x, rows=rows: _take(x, rows), arrays)))

  def join(*leaves: Any) -> Any:
    joined = _concatenate(leaves, axis)
    return joined[(slice(None),) * axis + (slice(n),)]

  return jax.tree.map(join, *parts)


def _take(x: Any, rows: np.ndarray) -> Any:
  return x[rows] if isinstance(x, np.ndarray) else _on_device(x, rows)


@jax.jit
def _on_device(x: jax.Array, rows: jax.Array) -> jax.Array:
  return x[rows]


def _concatenate(leaves: Sequence[Any], axis: int) -> Any:
  on_host = isinstance(leaves[0], np.ndarray)
  return (np if on_host else jnp).concatenate(leaves, axis)
