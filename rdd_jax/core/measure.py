"""The measure over the full training set, and draws from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import chex
import jax
from jax import Array
import jax.numpy as jnp
from jax.typing import ArrayLike
import numpy as np

from rdd_jax.core import keys
from rdd_jax.core.batch import Batch, take, with_inputs
from rdd_jax.core.onehot import OneHot, Targets
from rdd_jax.core.streamed import Images, expecting


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Measure:
  """Holds targets, weights, cells and groups of all `N` training images.

  Attributes:
    targets: `f[N, o]`, rows on the simplex; an array, or of hard labels alone
      `OneHot`.
    weights: `f[N]`, non-negative: the probability of a draw, up to a constant.
    cells: `i[N]`, the class as it is matched.
    groups: `i[N]`, the subpopulation; out of range means none.
  """

  targets: Targets
  weights: Array
  cells: Array
  groups: Array


Strata = Callable[[Measure], tuple[Array, int]]


def empirical(
  labels: ArrayLike, num_outputs: int, groups: ArrayLike | None = None
) -> Measure:
  """Returns the measure of the data as given: one-hot targets, equal weights.

  Args:
    labels: `i[N]`.
    num_outputs: the classes, and one more with a reject class.
    groups: `i[N]` subpopulations, or none.

  >>> empirical([1, 0], 2).targets[:].tolist()
  [[0.0, 1.0], [1.0, 0.0]]
  """
  cells = np.asarray(labels, np.int32)
  chex.assert_rank(cells, 1)
  if groups is None:
    groups = np.full_like(cells, -1)
  # Placed, not converted: jnp.asarray compiles a program for every shape.
  return Measure(
    targets=OneHot(jax.device_put(cells), num_outputs),
    weights=jax.device_put(np.ones(cells.shape, np.float32)),
    cells=jax.device_put(cells),
    groups=jax.device_put(np.asarray(groups, np.int32)),
  )


def listed(measure: Measure, rows: Array) -> Batch:
  """Returns rows of a measure whose inputs are their numbers.

  Args:
    measure: over `N` rows.
    rows: `i[n]`, which of them.

  Returns:
    A batch whose targets are as those of the measure, see `with_inputs`.

  >>> listed(empirical([2, 0, 1], 3), jnp.array([1, 0])).inputs.tolist()
  [1, 0]
  """
  known = take(measure, rows)
  targets: Any = known.targets
  return Batch(
    inputs=rows,
    targets=targets,
    weights=known.weights,
    cells=known.cells,
    groups=known.groups,
    index=rows,
  )


def rows_of(measure: Measure, rows: Array, inputs: Array) -> Batch:
  """Returns rows of a measure as a batch.

  Args:
    measure: over `N` rows.
    rows: `i[n]`, which of them; what the batch has as its `index`.
    inputs: `[n, ...]`, their images, or what a network takes.

  >>> measure = empirical([2, 0, 1], 3)
  >>> rows_of(measure, jnp.array([1, 0]), jnp.zeros((2, 4))).cells.tolist()
  [0, 2]
  """
  chex.assert_rank(rows, 1)
  chex.assert_equal_shape_prefix([rows, inputs], 1)
  return with_inputs(listed(measure, rows), inputs)


def by_cell(num_cells: int) -> Strata:
  """Returns one stratum for each cell.

  >>> by_cell(2)(empirical([1, 0], 2))[0].tolist()
  [1, 0]
  """
  return lambda measure: (measure.cells, num_cells)


def by_group(num_groups: int) -> Strata:
  """Returns one stratum for each group; rows of no group are never drawn.

  >>> by_group(2)(empirical([0, 0], 1, [0, 1]))[0].tolist()
  [0, 1]
  """
  return lambda measure: (measure.groups, num_groups)


def by_cell_and_group(num_cells: int, num_groups: int) -> Strata:
  """Returns a stratum for each pair; one without rows yields masked rows.

  Args:
    num_cells: the cells are `[0, num_cells)`.
    num_groups: the groups are `[0, num_groups)`; other rows are never drawn.

  >>> by_cell_and_group(2, 2)(empirical([0, 1], 2, [1, 1]))[0].tolist()
  [1, 3]
  """

  def pairs(measure: Measure) -> tuple[Array, int]:
    grouped = (measure.groups >= 0) & (measure.groups < num_groups)
    ids = measure.cells * num_groups + measure.groups
    return jnp.where(grouped, ids, -1), num_cells * num_groups

  return pairs


def draw(
  key: Array,
  images: Array,
  measure: Measure,
  n: int,
  strata: Strata | None = None,
) -> Batch:
  """Draws `n` rows, with probability proportional to their weights.

  The draw inverts the cumulative distribution at one jittered point in each of
  equally many slices of probability (stratified Monte Carlo), so a row of equal
  weight is rarely drawn twice. Weights of drawn rows are 1.

  Args:
    key: a typed PRNG key.
    images: `[N, ...]`, of any dtype; the rows are returned as they are.
    measure: over the same `N` rows.
    n: rows in all; a multiple of the number of strata.
    strata: what must be equally represented: `by_cell(k)`, `by_group(k)` or
      `by_cell_and_group(k, g)`. None draws from the measure as a whole.

  Returns:
    A batch of `n` rows, the strata in order, shuffled within. The share of a
    stratum without mass is masked: weight 0 and index `N`.

  Raises:
    ValueError: when `n` is not a multiple of the number of strata.

  >>> images, measure = jnp.zeros((4, 2)), empirical([0, 0, 1, 1], 2)
  >>> draw(jax.random.key(0), images, measure, 2, by_cell(2)).cells.tolist()
  [0, 1]
  """
  chex.assert_equal(images.shape[0], measure.weights.shape[0])
  drawn = _drawn(key, measure, n, strata)
  return with_inputs(drawn, take(images, drawn.inputs))


def _drawn(
  key: Array, measure: Measure, n: int, strata: Strata | None
) -> Batch:
  """The rows that `draw` draws, listed."""
  total = measure.weights.shape[0]
  ids, k = strata(measure) if strata else (jnp.zeros(total, jnp.int32), 1)
  if n % k:
    raise ValueError(
      f'draw of {n} rows from {k} strata: give a multiple of {k}, '
      f'such as {max(n // k, 1) * k}'
    )
  valid = (ids >= 0) & (ids < k) & (measure.weights > 0)
  ids = jnp.where(valid, ids, k)
  order = jnp.argsort(ids, stable=True)
  bounds = jnp.searchsorted(ids[order], jnp.arange(k + 1))
  # Each stratum in its own unit: a light one is not lost to rounding.
  unit = jax.ops.segment_max(measure.weights, ids, k + 1)[ids]
  weights = jnp.where(valid, measure.weights / unit, 0.0)
  cdf = jnp.concatenate([jnp.zeros(1), jnp.cumsum(weights[order])])
  lo, hi = cdf[bounds[:-1]], cdf[bounds[1:]]

  m = n // k
  point_key, shuffle_key = jax.random.split(key)
  points = (jnp.arange(m)[None] + keys.uniform(point_key, (k, m))) / m
  levels = lo[:, None] + points * (hi - lo)[:, None]
  found = jnp.searchsorted(cdf, levels.ravel(), side='right') - 1
  # Rounding must not carry a draw over the edge of its stratum.
  first = jnp.repeat(bounds[:-1], m)
  last = jnp.repeat(bounds[1:], m) - 1
  filled = last >= first
  rows = order[jnp.clip(found, first, jnp.maximum(last, first))]
  # In no order within a stratum, so that any part of it is a fair sample.
  rows = jax.random.permutation(
    shuffle_key, rows.reshape(k, m), axis=1, independent=True
  ).ravel()
  return replace(
    listed(measure, rows),
    weights=jnp.where(filled, 1.0, 0.0),
    index=jnp.where(filled, rows, total).astype(jnp.int32),
  )


def draw_minibatches(
  key: Array, images: Images, measure: Measure, steps: int, n: int
) -> Batch:
  """Lists the rows of so many SGD steps.

  A step then gathers its images: `with_inputs(rows, images[rows.inputs])`.

  Args:
    key: a typed PRNG key.
    images: `[N, ...]`, which are told what is coming, if they are streamed.
    measure: over their rows.
    steps: how many.
    n: rows of each.

  Returns:
    A batch whose leaves are `[steps, n, ...]`, and inputs row numbers.
  """
  drawn = _drawn(key, measure, steps * n, None)
  dealt = jax.tree.map(lambda x: x.reshape(steps, n, *x.shape[1:]), drawn)
  return replace(dealt, inputs=expecting(images, dealt.inputs))
