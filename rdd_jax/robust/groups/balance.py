"""Groups in equal shares, by how often rows are drawn or by what they weigh."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import NamedTuple

import jax
from jax import Array
import jax.numpy as jnp

from rdd_jax.core.batch import Batch
from rdd_jax.core.errors import choose
from rdd_jax.core.measure import Measure
from rdd_jax.core.numerics import safe_divide
from rdd_jax.core.transform import (
  DataSpec,
  DataView,
  EmptyState,
  ScoreFn,
  State,
  Transform,
  from_prepare,
)


class FactorState(NamedTuple):
  """By how much each row counts more than it did, `f[N]`."""

  factor: Array


def balance(num_cells: int, num_groups: int, *, by: str = 'draws') -> Transform:
  """Gives the groups of a cell equal shares; the mass of cells is kept.

  Equal group weights in the matching target, as of FairDD: for squared
  distances of means, as of DM, the gradient is that of matching each group
  apart. Rows of no group are left alone.

  Args:
    num_cells: classes and outlier slots.
    num_groups: rows with a group outside `[0, num_groups)` have none.
    by: 'draws' acts on the measure, so on how often a row is drawn; applying it
      twice changes nothing. 'weights' draws as before, and weighs the rows of a
      batch: a batch that seldom holds a rare row is not repaired by that.

  Raises:
    UserError: for another `by`.

  Source: Zhou et al. 2025, arXiv 2411.19623 (FairDD).

  >>> from rdd_jax.core.measure import empirical
  >>> measure = empirical([0, 0, 0, 1], 2, groups=[0, 0, 1, 0])
  >>> t = balance(2, 2)
  >>> new, _ = t.prepare(measure, EmptyState(), key=None, data=None)
  >>> new.weights.tolist()
  [0.75, 0.75, 1.5, 1.0]
  """
  table = {'draws': _by_draws, 'weights': _by_weights}
  return choose('balance by', by, table)(num_cells, num_groups)


@partial(jax.jit, static_argnames=('num_cells', 'num_groups'))
def balanced(measure: Measure, num_cells: int, num_groups: int) -> Measure:
  """Returns the measure whose groups are equally likely within each cell.

  Args:
    measure: over `N` rows.
    num_cells: classes and outlier slots.
    num_groups: rows with a group outside `[0, num_groups)` have none.
  """
  scale = scales(measure, num_cells, num_groups)
  return replace(measure, weights=measure.weights * scale)


@partial(jax.jit, static_argnames=('num_cells', 'num_groups'))
def scales(measure: Measure, num_cells: int, num_groups: int) -> Array:
  """Returns the factors that make groups equally likely within each cell.

  `s = (m_c / n_c) / m_cg` for a row of cell `c` and group `g`: `m` is the mass
  of cells and of pairs, and `n_c` counts the groups in the cell.

  Args:
    measure: over `N` rows.
    num_cells: classes and outlier slots.
    num_groups: rows with a group outside `[0, num_groups)` have none.

  Returns:
    `f[N]`; 1 for rows of no group.
  """
  grouped = (measure.groups >= 0) & (measure.groups < num_groups)
  shape = (num_cells, num_groups)
  where = (measure.cells, jnp.where(grouped, measure.groups, num_groups))
  mass = jnp.zeros(shape).at[where].add(measure.weights, mode='drop')
  present = (mass > 0).sum(1)
  share = safe_divide(mass.sum(1), present)
  scale = share[:, None] / jnp.where(mass > 0, mass, 1.0)
  row = scale.at[where].get(mode='fill', fill_value=1.0)
  return jnp.where(grouped, row, 1.0)


def _by_draws(num_cells: int, num_groups: int) -> Transform:
  def prepare(
    measure: Measure, state: State, *, key: Array, data: DataView
  ) -> tuple[Measure, State]:
    del key, data
    return balanced(measure, num_cells, num_groups), state

  return from_prepare(lambda spec: EmptyState(), prepare)


def _by_weights(num_cells: int, num_groups: int) -> Transform:
  def init(spec: DataSpec) -> State:
    return FactorState(jnp.ones(spec.num_examples))

  def prepare(
    measure: Measure, state: State, *, key: Array, data: DataView
  ) -> tuple[Measure, State]:
    del key, data, state
    return measure, FactorState(scales(measure, num_cells, num_groups))

  def update(
    batch: Batch,
    state: State,
    *,
    key: Array,
    score: ScoreFn,
    synthetic: Batch,
  ) -> tuple[Batch, State]:
    del key, score, synthetic
    factor = state.factor.at[batch.index].get(mode='fill', fill_value=1.0)
    return replace(batch, weights=batch.weights * factor), state

  return Transform(init, prepare, update)
