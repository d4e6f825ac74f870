"""Risks of losses: more weight to the groups and rows that fare worst.

Vahidian et al., Group Distributionally Robust Dataset Distillation with Risk
Minimization, arXiv 2402.04676, algorithm 1 and eq. 2: groups are the Voronoi
cells of the synthetic set (voronoi.py), and the networks that are matched train
under a nested risk, CVaR within a group and mean plus worst across groups.

Deviations:
  The released code cuts the graph of its risk, so that it never changes a
  gradient; here the dual weights act on live losses. Its `alpha = 0.8` may be a
  level or the mass of a tail: `tail` here is the mass, 1 being the mean. It
  pools the losses of three batches in every third step; here each step takes a
  tail of its own rows and of remembered ones.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import jax
from jax import Array
import jax.numpy as jnp

from rdd_jax.core.batch import Batch
from rdd_jax.core.risk import Risk, mean
from rdd_jax.core.transform import (
  DataSpec,
  ScoreFn,
  State,
  Transform,
  from_update,
)


class Memory(NamedTuple):
  """Rows of earlier batches, the newest first.

  Attributes:
    losses: `f[m]`, when they were seen.
    groups: `i[m]`.
    weights: `f[m]`, 0 where nothing has been remembered yet.
  """

  losses: Array
  groups: Array
  weights: Array


def tilt(
  risk: Risk, num_groups: int, *, within: Risk = mean(), memory: int = 0
) -> Transform:
  """Reweights rows by the dual weights of a nested risk of their losses.

  `risk_g(within_rows(loss))`: the duals of nested coherent risks multiply
  (Shapiro et al., Lectures on Stochastic Programming, sec. 6.8.2). The total
  weight of the grouped rows is kept, with a memory on average; rows of no group
  are left alone.

  Args:
    risk: across groups.
    num_groups: rows with a group outside `[0, num_groups)` have none.
    within: across the rows of a group.
    memory: rows of earlier batches that are ranked together with those of this
      one, for groups that have few rows in a batch. Gradients are those of this
      batch.

  Source: Vahidian et al., arXiv 2402.04676, algorithm 1 and eq. 2.

  >>> from rdd_jax.core.measure import empirical, rows_of
  >>> from rdd_jax.core.risk import worst
  >>> from rdd_jax.core.transform import Scores
  >>> measure = empirical([0, 0], 1, groups=[0, 1])
  >>> rows = rows_of(measure, jnp.arange(2), jnp.array([[1.0], [3.0]]))
  >>> score = lambda batch: Scores(batch.inputs[:, 0], None, None)
  >>> t = tilt(worst(), 2)
  >>> update = jax.jit(t.update, static_argnames='score')
  >>> new, _ = update(
  ...   rows, t.init(None), key=None, score=score, synthetic=None
  ... )
  >>> new.weights.tolist()
  [0.0, 2.0]
  """

  def init(spec: DataSpec) -> State:
    del spec
    nothing = jnp.zeros(memory)
    return Memory(nothing, jnp.full(memory, -1, jnp.int32), nothing)

  def update(
    batch: Batch,
    state: State,
    *,
    key: Array,
    score: ScoreFn,
    synthetic: Batch,
  ) -> tuple[Batch, State]:
    del key, synthetic
    seen = Memory(score(batch).losses, batch.groups, batch.weights)
    pool = Memory(*map(_joined, seen, state))
    weights = nested(
      risk, within, pool.losses, pool.weights, pool.groups, num_groups
    )
    grouped = (batch.groups >= 0) & (batch.groups < num_groups)
    live = weights[: len(batch.weights)]
    new = jnp.where(grouped, live, batch.weights)
    kept = Memory(*(leaf[:memory] for leaf in pool))
    return replace(batch, weights=new), kept

  return from_update(init, update)


def nested(
  risk: Risk,
  within: Risk,
  losses: Array,
  weights: Array,
  groups: Array,
  num_groups: int,
) -> Array:
  """Returns dual weights `f[n]` of `risk_g(within_rows(loss))`.

  They are 0 for rows of no group, and sum to the weight of the grouped rows if
  those of both risks sum to one.

  Args:
    risk: across groups.
    within: across the rows of a group.
    losses: `f[n]`.
    weights: `f[n]`, the mass of the rows.
    groups: `i[n]`; outside `[0, num_groups)` means none.
    num_groups: how many there are.
  """
  member = jax.nn.one_hot(groups, num_groups, axis=0)
  mass = member * weights[None]
  inner = jax.vmap(within, (None, 0))(losses, mass)
  outer = risk(inner @ losses, mass.sum(1))
  return mass.sum() * (outer @ inner)


def _joined(new: Array, old: Array) -> Array:
  return jnp.concatenate([new, old])
