"""Moving mass between subpopulations, by draws or by a risk.

Vahidian et al., Group Distributionally Robust Dataset Distillation with Risk
Minimization, arXiv 2402.04676, eq. 2: a nested risk, CVaR within a group and
mean plus worst across groups.

Deviations: the released code cuts the graph of its risk, so that it never
changes a gradient; here the dual weights act on live losses.
"""

from __future__ import annotations

from dataclasses import replace

import jax
from jax import Array
import jax.numpy as jnp

from rdd_jax.batch import Batch
from rdd_jax.measure import Measure
from rdd_jax.risk import Risk, mean
from rdd_jax.transform import (
  DataView,
  EmptyState,
  ScoreFn,
  State,
  Transform,
  identity,
  stateless,
)


def balance(num_cells: int, num_groups: int) -> Transform:
  """Draws the groups of a cell equally often; the mass of cells is kept.

  Acts on the measure, so on how often a row is drawn and not on its weight in a
  batch: a batch that seldom holds a rare row cannot be repaired by weights.
  Rows of no group keep their weight. Applying it twice changes nothing.
  """

  def prepare(
    measure: Measure, state: State, *, key: Array, data: DataView
  ) -> tuple[Measure, State]:
    del key, data
    return balanced(measure, num_cells, num_groups), state

  return Transform(lambda spec: EmptyState(), prepare, identity().update)


def balanced(measure: Measure, num_cells: int, num_groups: int) -> Measure:
  """The measure under which groups are equally likely within each cell."""
  grouped = (measure.groups >= 0) & (measure.groups < num_groups)
  shape = (num_cells, num_groups)
  where = (measure.cells, jnp.where(grouped, measure.groups, num_groups))
  mass = jnp.zeros(shape).at[where].add(measure.weights, mode='drop')
  present = (mass > 0).sum(1)
  share = mass.sum(1) / jnp.maximum(present, 1)
  scale = share[:, None] / jnp.where(mass > 0, mass, 1.0)
  row = scale.at[where].get(mode='fill', fill_value=1.0)
  weights = measure.weights * jnp.where(grouped, row, 1.0)
  return replace(measure, weights=weights)


def tilt(risk: Risk, num_groups: int, *, within: Risk = mean()) -> Transform:
  """Re-weights rows by the dual weights of a nested risk of their losses.

  `risk_g(within_rows(loss))`: the duals of nested coherent risks multiply
  (Shapiro et al., Lectures on Stochastic Programming, sec. 6.8.2). The total
  weight of the grouped rows is kept; rows of no group are left alone.

  Args:
    risk: across groups.
    num_groups: rows with a group outside `[0, num_groups)` have none.
    within: across the rows of a group.
  """

  def fn(
    batch: Batch, *, key: Array, score: ScoreFn, synthetic: Batch
  ) -> Batch:
    del key, synthetic
    losses = score(batch).losses
    grouped = (batch.groups >= 0) & (batch.groups < num_groups)
    member = jax.nn.one_hot(batch.groups, num_groups, axis=0)
    mass = member * batch.weights[None]
    inner = jax.vmap(within, (None, 0))(losses, mass)
    outer = risk(inner @ losses, mass.sum(1))
    weights = mass.sum() * (outer @ inner)
    return replace(batch, weights=jnp.where(grouped, weights, batch.weights))

  return stateless(fn)
