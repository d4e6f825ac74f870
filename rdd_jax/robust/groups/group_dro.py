"""Group DRO: group weights that grow with the losses of groups.

Sagawa et al., Distributionally Robust Neural Networks for Group Shifts, ICLR
2020, algorithm 1.

Deviations:
  A batch holds rows of many groups, not of one that is drawn: the weights of
  all of them move at once, and share out its own.
"""

from __future__ import annotations

from dataclasses import replace

import jax
from jax import Array
import jax.numpy as jnp

from rdd_jax.core.batch import Batch, group_mean
from rdd_jax.core.numerics import safe_divide
from rdd_jax.core.risk import normalize
from rdd_jax.core.transform import (
  DataSpec,
  ScoreFn,
  State,
  Transform,
  from_update,
)


def exponentiated(num_groups: int, rate: float) -> Transform:
  """Grows group weights exponentially with the losses of groups (group DRO).

  `q_g <- q_g exp(eta_q L_g)`, normalized, with the mean loss `L_g` of a group
  in the batch. The total weight of the grouped rows is kept, shared out to the
  groups that the batch holds.

  Args:
    num_groups: rows with a group outside `[0, num_groups)` have none.
    rate: of the group weights, `eta_q`; 0.01 as published.

  Source: Sagawa et al., ICLR 2020, algorithm 1.

  >>> from rdd_jax.core.measure import empirical, rows_of
  >>> from rdd_jax.core.transform import Scores
  >>> measure = empirical([0, 0], 1, groups=[0, 1])
  >>> rows = rows_of(measure, jnp.arange(2), jnp.array([[0.0], [jnp.log(3.0)]]))
  >>> score = lambda batch: Scores(batch.inputs[:, 0], None, None)
  >>> t = exponentiated(2, rate=1.0)
  >>> update = jax.jit(t.update, static_argnames='score')
  >>> new, _ = update(
  ...   rows, t.init(None), key=None, score=score, synthetic=None
  ... )
  >>> [round(weight, 3) for weight in new.weights.tolist()]
  [0.5, 1.5]
  """

  def init(spec: DataSpec) -> State:
    del spec
    return jnp.zeros(num_groups)

  def update(
    batch: Batch,
    state: State,
    *,
    key: Array,
    score: ScoreFn,
    synthetic: Batch,
  ) -> tuple[Batch, State]:
    del key, synthetic
    losses = score(batch).losses
    means, mass = group_mean(losses, batch.weights, batch.groups, num_groups)
    logits = state + rate * means
    q = normalize(jnp.where(mass > 0, jax.nn.softmax(logits), 0.0))
    scale = safe_divide(mass.sum() * q, mass)
    grouped = (batch.groups >= 0) & (batch.groups < num_groups)
    row = scale[jnp.where(grouped, batch.groups, 0)]
    weights = batch.weights * jnp.where(grouped, row, 1.0)
    return replace(batch, weights=weights), logits - logits.max()

  return from_update(init, update)
