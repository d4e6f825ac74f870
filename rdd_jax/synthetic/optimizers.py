"""Gradient transformations that distillation needs and optax lacks."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
from jax import Array
import jax.numpy as jnp
import numpy as np
import optax
from optax.projections import projection_box

from rdd_jax.core.numerics import safe_divide


def keep_within(low: float, high: float) -> optax.GradientTransformation:
  """Projects parameters on an interval after the step: chain it last.

  Args:
    low: the least value, in the parameters' unit.
    high: the largest.

  >>> tx = keep_within(0.0, 1.0)
  >>> tx.update(jnp.array(0.5), tx.init(0.0), jnp.array(0.75))[0].item()
  0.25
  """

  def update(updates: Any, state: optax.OptState, params: Any = None):
    new = jax.tree.map(
      lambda u, p: projection_box(p + u, low, high) - p, updates, params
    )
    return new, state

  return optax.GradientTransformation(lambda params: optax.EmptyState(), update)


def hold_rows(still: np.ndarray) -> optax.GradientTransformation:
  """Leaves some rows as they are: chain it last.

  Args:
    still: `b[n]`, rows that do not move. Leaves without `n` rows do.

  >>> tx = hold_rows(np.array([True, False]))
  >>> tx.update(jnp.ones(2), tx.init(None))[0].tolist()
  [0.0, 1.0]
  """

  def held(update: Array) -> Array:
    if update.shape[:1] != still.shape:
      return update
    rows = jnp.asarray(still).reshape(-1, *(1,) * (update.ndim - 1))
    return jnp.where(rows, 0.0, update)

  def update(updates: Any, state: optax.OptState, params: Any = None):
    del params
    return jax.tree.map(held, updates), state

  return optax.GradientTransformation(lambda params: optax.EmptyState(), update)


def skip_above(
  threshold: float, inner: optax.GradientTransformation
) -> optax.GradientTransformationExtraArgs:
  """Takes the steps of `inner`, but none whose loss exceeds the threshold.

  Such a step moves nothing, `inner`'s momentum included (DATM, Guo et al.,
  ICLR 2024, as released). `update` takes the loss as `value`. Beside
  `optax.conditionally_mask`, whose branch is compiled apart, an inner step is
  rounded as without the wrapper, and no counter enters the state.

  Args:
    threshold: the largest loss of a step that is taken; NaN is never.
    inner: the transformation whose steps are taken.

  >>> tx = skip_above(0.5, optax.sgd(1.0))
  >>> state = tx.init(jnp.ones(1))
  >>> [tx.update(jnp.ones(1), state, value=v)[0].item() for v in (0.1, 0.9)]
  [-1.0, 0.0]
  """
  inner = optax.with_extra_args_support(inner)

  def update(
    updates: Any,
    state: optax.OptState,
    params: Any = None,
    *,
    value: Any = None,
    **extra: Any,
  ):
    new, moved = inner.update(updates, state, params, value=value, **extra)
    # Written so that a loss that is no number is left out too.
    skip = jnp.logical_not(value <= threshold)

    def choose(still: Any, moving: Any) -> Any:
      return jax.tree.map(lambda a, b: jnp.where(skip, a, b), still, moving)

    return choose(jax.tree.map(jnp.zeros_like, new), new), choose(state, moved)

  return optax.GradientTransformationExtraArgs(inner.init, update)


class RunningNorm(NamedTuple):
  """The moving average of the norms of gradients; 0 before the first."""

  average: Array  # f[]


def clip_by_running_norm(
  factor: float = 2.0, decay: float = 0.9
) -> optax.GradientTransformation:
  """Scales a gradient down to `factor` times the average norm before it.

  Gradients through long unrolls have heavy tails (RaT-BPTT, Feng et al., ICLR
  2024). The first gradient that is not zero sets the average, and passes as it
  is; clipped ones enter it as they are clipped, so that one burst does not lift
  the bar.

  Args:
    factor: of the average.
    decay: of the average, a step.

  >>> tx = clip_by_running_norm(2.0)
  >>> _, state = tx.update(jnp.ones(1), tx.init(None))
  >>> tx.update(jnp.array([9.0]), state)[0].item()
  2.0
  """

  def init(params: Any) -> RunningNorm:
    del params
    return RunningNorm(jnp.zeros([]))

  def update(updates: Any, state: Any, params: Any = None):
    del params
    norm = optax.tree.norm(updates)
    known = state.average > 0
    bar = jnp.where(known, factor * state.average, norm)
    scale = jnp.where(norm > bar, safe_divide(bar, norm), 1.0)
    kept = jnp.where(known, decay, 0.0)
    average = kept * state.average + (1 - kept) * scale * norm
    average = jnp.where(jnp.isfinite(average), average, state.average)
    new = jax.tree.map(lambda g: (scale * g).astype(g.dtype), updates)
    return new, RunningNorm(average)

  return optax.GradientTransformation(init, update)
