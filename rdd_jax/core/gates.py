"""Gates: transforms that act after a step, or every few steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import jax
from jax import Array
import jax.numpy as jnp

from rdd_jax.core.batch import NOWHERE, Batch, concat
from rdd_jax.core.measure import Measure
from rdd_jax.core.transform import DataSpec, DataView, ScoreFn, State, Transform


class GatedState(NamedTuple):
  """The steps seen by a transform that does not always act, and its state."""

  count: Array  # i[]
  inner: State


def _gated(t: Transform, active: Callable[[Array], Array]) -> Transform:
  def init(spec: DataSpec) -> State:
    return GatedState(jnp.zeros([], jnp.int32), t.init(spec))

  def prepare(
    measure: Measure, state: State, *, key: Array, data: DataView
  ) -> tuple[Measure, State]:
    if not bool(active(state.count)):
      return measure, state
    measure, inner = t.prepare(measure, state.inner, key=key, data=data)
    return measure, state._replace(inner=inner)

  def update(
    batch: Batch,
    state: State,
    *,
    key: Array,
    score: ScoreFn,
    synthetic: Batch,
  ) -> tuple[Batch, State]:
    def act() -> tuple[Batch, State]:
      return t.update(
        batch, state.inner, key=key, score=score, synthetic=synthetic
      )

    def rest() -> tuple[Batch, State]:
      shape = jax.eval_shape(act)[0].weights.shape
      return _pad(batch, shape[0]), state.inner

    new, inner = jax.lax.cond(active(state.count), act, rest)
    return new, GatedState(state.count + 1, inner)

  return Transform(init, prepare, update)


def _pad(batch: Batch, n: int) -> Batch:
  """`batch` with masked rows at its end, `n` in all."""
  extra = n - batch.weights.shape[0]
  if extra == 0:
    return batch
  empty = jax.tree.map(
    lambda x: jnp.zeros((extra, *x.shape[1:]), x.dtype), batch
  )
  return concat(
    batch, replace(empty, index=jnp.full_like(empty.index, NOWHERE))
  )


def after(step: int, t: Transform) -> Transform:
  """Returns `t` from a step on; before it, rows that `t` appends are masked.

  Args:
    step: the first step, from 0, at which `t` acts.
    t: what is delayed.

  >>> from rdd_jax.core.transform import stateless
  >>> t = after(1, stateless(lambda b, **_: replace(b, weights=b.weights / 2)))
  >>> batch, state = Batch(*jnp.ones((6, 1))), t.init(None)
  >>> first, state = t.update(batch, state, key=0, score=0, synthetic=batch)
  >>> second, _ = t.update(batch, state, key=0, score=0, synthetic=batch)
  >>> first.weights.item(), second.weights.item()
  (1.0, 0.5)
  """
  return _gated(t, lambda count: count >= step)


def every(n: int, t: Transform) -> Transform:
  """Returns `t` at steps 0, n, 2n, ...; between them its rows are masked.

  Args:
    n: the period, in steps; at least 1.
    t: what acts once a period.

  >>> from rdd_jax.core.transform import stateless
  >>> t = every(2, stateless(lambda b, **_: replace(b, weights=b.weights / 2)))
  >>> batch, state = Batch(*jnp.ones((6, 1))), t.init(None)
  >>> first, state = t.update(batch, state, key=0, score=0, synthetic=batch)
  >>> second, _ = t.update(batch, state, key=0, score=0, synthetic=batch)
  >>> first.weights.item(), second.weights.item()
  (0.5, 1.0)
  """
  return _gated(t, lambda count: count % n == 0)
