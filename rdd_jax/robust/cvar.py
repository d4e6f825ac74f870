"""Risks of losses: more weight to the groups and rows that fare worst.

Vahidian et al., Group Distributionally Robust Dataset Distillation with Risk
Minimization, arXiv 2402.04676, algorithm 1 and eq. 2: groups are the Voronoi
cells of the synthetic set, and the networks that are matched train under a
nested risk, CVaR within a group and mean plus worst across groups.

Deviations:
  The released code cuts the graph of its risk, so that it never changes a
  gradient; here the dual weights act on live losses. Its `alpha = 0.8` may be a
  level or the mass of a tail: `tail` here is the mass, 1 being the mean. It
  pools the losses of three batches in every third step; here each step takes a
  tail of its own rows and of remembered ones. Where a class has more images
  than `centres`, these are picked far from all picked before, not from the last
  one alone, and in features, not in pixels.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import jax
from jax import Array
import jax.numpy as jnp

from rdd_jax.batch import Batch, group_mean
from rdd_jax.risk import Risk, mean, normalise
from rdd_jax.transform import (
  DataSpec,
  EmptyState,
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
  """Re-weights rows by the dual weights of a nested risk of their losses.

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
  """Dual weights `f[n]` of `risk_g(within_rows(loss))`, 0 for ungrouped rows.

  They sum to the weight of the grouped rows if those of both risks sum to one.

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


def exponentiated(num_groups: int, rate: float) -> Transform:
  """Group DRO: group weights grow exponentially with the losses of groups.

  Sagawa et al., Distributionally Robust Neural Networks for Group Shifts, ICLR
  2020, algorithm 1. The total weight of the grouped rows is kept, shared out to
  the groups that the batch holds.

  Args:
    num_groups: rows with a group outside `[0, num_groups)` have none.
    rate: of the group weights, `eta_q`; 0.01 as published.
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
    q = normalise(jnp.where(mass > 0, jax.nn.softmax(logits), 0.0))
    scale = mass.sum() * q / jnp.where(mass > 0, mass, 1.0)
    grouped = (batch.groups >= 0) & (batch.groups < num_groups)
    row = scale[jnp.where(grouped, batch.groups, 0)]
    weights = batch.weights * jnp.where(grouped, row, 1.0)
    return replace(batch, weights=weights), logits - logits.max()

  return from_update(init, update)


def voronoi(
  num_classes: int, *, centres: int = 10, within_class: bool = False
) -> Transform:
  """A row's group is the synthetic row that it is nearest to.

  In the features of the network that trains, at every step. Groups are numbered
  by synthetic row, so `tilt` needs as many.

  Args:
    num_classes: synthetic rows of outlier cells are no centres.
    centres: of each class at most.
    within_class: whether only rows of the row's own cell are its centres; in
      the paper, whatever is nearest is.
  """

  def update(
    batch: Batch,
    state: State,
    *,
    key: Array,
    score: ScoreFn,
    synthetic: Batch,
  ) -> tuple[Batch, State]:
    del key
    features = score(synthetic).features
    chosen = spread_out(features, synthetic.cells, num_classes, centres)
    allowed = jnp.broadcast_to(
      chosen, (len(batch.weights), len(synthetic.weights))
    )
    if within_class:
      allowed &= batch.cells[:, None] == synthetic.cells[None]
    groups = nearest(score(batch).features, features, allowed)
    return replace(batch, groups=groups), state

  return from_update(lambda spec: EmptyState(), update)


def nearest(rows: Array, centres: Array, allowed: Array) -> Array:
  """The nearest allowed centre of each row in Euclidean distance, or -1.

  Args:
    rows: `f[n, d]`.
    centres: `f[m, d]`.
    allowed: `b[n, m]`.
  """
  distance = jnp.where(allowed, _squared_distances(rows, centres), jnp.inf)
  found = distance.argmin(1).astype(jnp.int32)
  return jnp.where(allowed.any(1), found, -1)


def spread_out(
  features: Array, cells: Array, num_classes: int, count: int
) -> Array:
  """Marks so many rows of each class, `b[m]`, far from each other.

  The first row of a class, and then, again and again, the row that is farthest
  from all that are marked in its class.

  Args:
    features: `f[m, d]`.
    cells: `i[m]`; rows of no class are not marked.
    num_classes: the number of classes.
    count: of each class; all rows where it has no more.
  """
  own = cells[None] == jnp.arange(num_classes)[:, None]  # b[classes, m]
  distance = jnp.where(
    cells[:, None] == cells[None],
    _squared_distances(features, features),
    jnp.inf,
  )

  def more(_: int, marked: Array) -> Array:
    gap = jnp.where(marked[None], distance, jnp.inf).min(1)
    gap = jnp.where(marked, -jnp.inf, gap)
    best = jnp.where(own, gap[None], -jnp.inf).argmax(1)
    full = (own & marked[None]).sum(1) >= jnp.minimum(count, own.sum(1))
    return marked.at[jnp.where(full, len(cells), best)].set(True, mode='drop')

  return jax.lax.fori_loop(0, count, more, jnp.zeros(len(cells), bool))


def _squared_distances(a: Array, b: Array) -> Array:
  """`f[n, m]`; centred first, lest features far from zero cancel."""
  middle = b.mean(0, keepdims=True)
  a, b = a - middle, b - middle
  dots = jnp.matmul(a, b.T, precision=jax.lax.Precision.HIGHEST)
  return (a**2).sum(1)[:, None] - 2 * dots + (b**2).sum(1)[None]


def _joined(new: Array, old: Array) -> Array:
  return jnp.concatenate([new, old])
