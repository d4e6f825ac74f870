"""Groups of rows: the Voronoi cells of the synthetic set.

Vahidian et al., Group Distributionally Robust Dataset Distillation with Risk
Minimization, arXiv 2402.04676, algorithm 1.

Deviations:
  Where a class has more images than `centers`, these are picked far from all
  picked before, not from the last one alone, and in features, not in pixels.
"""

from __future__ import annotations

from dataclasses import replace

import jax
from jax import Array
import jax.numpy as jnp

from rdd_jax.core.batch import Batch
from rdd_jax.core.transform import (
  EmptyState,
  ScoreFn,
  State,
  Transform,
  from_update,
)


def voronoi(
  num_classes: int, *, centers: int = 10, within_class: bool = False
) -> Transform:
  """Groups rows by the synthetic row that each is nearest to.

  In the features of the network that trains, at every step. Groups are numbered
  by synthetic row, so `tilt` needs as many.

  Args:
    num_classes: synthetic rows of outlier cells are no centers.
    centers: of each class at most.
    within_class: whether only rows of the row's own cell are its centers; in
      the paper, whatever is nearest is.

  Source: Vahidian et al., arXiv 2402.04676, algorithm 1.

  >>> from rdd_jax.core.measure import empirical, rows_of
  >>> from rdd_jax.core.transform import Scores
  >>> def at(*points):
  ...   inputs = jnp.array(points)[:, None]
  ...   return rows_of(empirical([0, 1], 2), jnp.arange(2), inputs)
  >>> score = lambda batch: Scores(None, batch.inputs, None)
  >>> update = jax.jit(voronoi(2).update, static_argnames='score')
  >>> new, _ = update(
  ...   at(0.0, 9.0), EmptyState(), key=None, score=score,
  ...   synthetic=at(8.0, 1.0),
  ... )
  >>> new.groups.tolist()
  [1, 0]
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
    chosen = spread_out(features, synthetic.cells, num_classes, centers)
    allowed = jnp.broadcast_to(
      chosen, (len(batch.weights), len(synthetic.weights))
    )
    if within_class:
      allowed &= batch.cells[:, None] == synthetic.cells[None]
    groups = nearest(score(batch).features, features, allowed)
    return replace(batch, groups=groups), state

  return from_update(lambda spec: EmptyState(), update)


def nearest(rows: Array, centers: Array, allowed: Array) -> Array:
  """Returns the nearest allowed center of each row in Euclidean distance.

  Args:
    rows: `f[n, d]`.
    centers: `f[m, d]`.
    allowed: `b[n, m]`.

  Returns:
    `i[n]`, in `[0, m)`; -1 where no center is allowed.
  """
  distance = jnp.where(allowed, _squared_distances(rows, centers), jnp.inf)
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
  """`f[n, m]`; centered first, lest features far from zero cancel."""
  middle = b.mean(0, keepdims=True)
  a, b = a - middle, b - middle
  dots = jnp.matmul(a, b.T, precision=jax.lax.Precision.HIGHEST)
  return (a**2).sum(1)[:, None] - 2 * dots + (b**2).sum(1)[None]
