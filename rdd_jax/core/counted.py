"""Loops whose number of steps is not compiled: one program, however parted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import jax
from jax import Array
import jax.numpy as jnp

T = TypeVar('T')


def counted_scan(
  step: Callable[[T, Any], tuple[T, Any]],
  state: T,
  xs: Any,
  length: int,
  count: Array | int,
) -> tuple[T, Any]:
  """Scans the first of some inputs: `lax.scan`, but for a count that may vary.

  Args:
    step: from a state and an input to the next state and an output.
    state: before.
    xs: a tree of stacked inputs, or None.
    length: their number.
    count: `i[]`, how many are taken, at most `length`.

  Returns:
    The state after, and stacked outputs, zeros beyond `count`.

  >>> total, sums = counted_scan(
  ...   lambda s, x: (s + x, s + x), jnp.int32(0), jnp.arange(4), 4, 3
  ... )
  >>> int(total), sums.tolist()
  (3, [0, 1, 3, 0])
  """

  def at(i: Array | int) -> Any:
    return jax.tree.map(
      lambda x: jax.lax.dynamic_index_in_dim(x, i, 0, False), xs
    )

  def body(i: Array, carry: tuple[T, Any]) -> tuple[T, Any]:
    state, outputs = carry
    state, new = step(state, at(i))
    outputs = jax.tree.map(lambda old, x: old.at[i].set(x), outputs, new)
    return state, outputs

  shapes = jax.eval_shape(step, state, at(0))[1]
  outputs = jax.tree.map(
    lambda x: jnp.zeros((length, *x.shape), x.dtype), shapes
  )
  return jax.lax.fori_loop(0, count, body, (state, outputs))
