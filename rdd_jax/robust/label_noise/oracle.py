"""Upper bounds for any defense: transforms that know which labels are wrong."""

from __future__ import annotations

from dataclasses import replace

from jax import Array
import jax.numpy as jnp
from jax.typing import ArrayLike

from rdd_jax.core.measure import Measure
from rdd_jax.core.onehot import OneHot
from rdd_jax.core.transform import (
  DataSpec,
  DataView,
  EmptyState,
  State,
  Transform,
  from_prepare,
)


def oracle(truth: ArrayLike, *, relabel: bool = False) -> Transform:
  """Leaves out the rows whose label is wrong, or gives them the true one.

  Args:
    truth: `i[N]`, the true labels.
    relabel: all rows count, with their true labels.

  >>> from rdd_jax.core.measure import empirical
  >>> data = DataView(None, jnp.array([0, 1]), None)
  >>> new, _ = oracle([0, 0]).prepare(
  ...   empirical(data.labels, 2), EmptyState(), key=None, data=data
  ... )
  >>> new.weights.tolist()
  [1.0, 0.0]
  """
  true = jnp.asarray(truth, jnp.int32)

  def init(spec: DataSpec) -> State:
    del spec
    return EmptyState()

  def prepare(
    measure: Measure, state: State, *, key: Array, data: DataView
  ) -> tuple[Measure, State]:
    del key
    if relabel:
      targets = OneHot(true, measure.targets.shape[1])
      return replace(measure, targets=targets, cells=true), state
    right = data.labels == true
    weights = jnp.where(right, measure.weights, 0.0)
    return replace(measure, weights=weights), state

  return from_prepare(init, prepare)
