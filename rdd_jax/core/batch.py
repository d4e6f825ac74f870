"""A finite weighted measure on (input, target) pairs: what all code consumes.

Every matching objective is written against a `Batch` and every robustness
method only edits one, so that any method composes with any objective.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

import chex
import jax
from jax import Array
import jax.numpy as jnp

from rdd_jax.core.numerics import safe_divide
from rdd_jax.core.onehot import dense
from rdd_jax.core.streamed import Images, Streamed

T = TypeVar('T')

NOWHERE = 2**31 - 1  # An index that every data set lacks: scatters drop it.


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Batch:
  """Holds rows of data, their targets, and how much each of them counts.

  Attributes:
    inputs: `f[n, ...]`, what a network is applied to.
    targets: `f[n, o]`, rows on the simplex, with `o` the number of outputs (the
      classes, and one more with a reject class). Uniform means "no class". Of
      rows that are but listed, see `measure`, they may be `OneHot`.
    weights: `f[n]`, non-negative; 0 masks a row.
    cells: `i[n]`, what is matched with what: the class, or `num_classes + slot`
      for an outlier.
    groups: `i[n]`, the subpopulation; outside `[0, num_groups)` means none.
    index: `i[n]`, the row in the data set; out of range means none.
  """

  inputs: Array
  targets: Array
  weights: Array
  cells: Array
  groups: Array
  index: Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Look:
  """Fetches the inputs of rows, a part of them at a time: `rows = look(rows)`.

  A pytree whose only leaf are the images, if in memory; `Look()` is for rows
  whose inputs are there.

  Attributes:
    images: `u8[N, ...]`, of the data set.
    fetch: `(images, rows) -> rows`, from rows whose inputs are their numbers.
  """

  images: Images | None = None
  fetch: Callable[[Images, Batch], Batch] | None = field(
    default=None, metadata={'static': True}
  )

  def __call__(self, rows: Batch) -> Batch:
    if self.images is None or self.fetch is None:
      return rows
    return self.fetch(self.images, rows)


def with_inputs(rows: Batch, inputs: Array) -> Batch:
  """Returns rows that were listed as a batch, whose targets are an array.

  Args:
    rows: of `measure.listed` or `measure.draw_minibatches`.
    inputs: `[n, ...]`, their images, or what a network takes.

  >>> from rdd_jax.core.onehot import OneHot
  >>> ones = jnp.ones(2)
  >>> rows = Batch(ones, OneHot(jnp.array([1, 0]), 2), ones, ones, ones, ones)
  >>> with_inputs(rows, jnp.zeros((2, 8))).targets.tolist()
  [[0.0, 1.0], [1.0, 0.0]]
  """
  return replace(rows, inputs=inputs, targets=dense(rows.targets))


def concat(*batches: Batch) -> Batch:
  """Concatenates batches, their rows in order."""
  return jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *batches)


def take(tree: T, rows: Array) -> T:
  """Returns the given rows of every leaf.

  Args:
    tree: a pytree whose leaves are `[n, ...]`, or streamed images.
    rows: `i[...]`, row numbers of any shape; clipped to `[0, n)`.

  >>> take({'a': jnp.array([7, 8, 9])}, jnp.array([2, 0]))['a'].tolist()
  [9, 7]
  """
  if isinstance(tree, Streamed):
    return tree[rows]
  return jax.tree.map(lambda leaf: jnp.take(leaf, rows, 0, mode='clip'), tree)


def group_mean(
  values: Array, weights: Array, ids: Array, k: int
) -> tuple[Array, Array]:
  """Returns the weighted mean of `values` in each of `k` groups, and the mass.

  Args:
    values: `f[n]` or `f[n, d]`.
    weights: `f[n]`.
    ids: `i[n]`; rows with an id outside `[0, k)` are left out.
    k: the number of groups.

  Returns:
    Means `f[k]` or `f[k, d]` (0 where a group is empty), and mass `f[k]`.

  >>> ones, ids = jnp.ones(3), jnp.array([0, 0, 1])
  >>> means, mass = group_mean(jnp.array([1.0, 3.0, 5.0]), ones, ids, 2)
  >>> means.tolist(), mass.tolist()
  ([2.0, 5.0], [2.0, 1.0])
  """
  chex.assert_rank(values, {1, 2})
  chex.assert_shape((weights, ids), values.shape[:1])
  ids = jnp.where((ids >= 0) & (ids < k), ids, k)
  column = weights.reshape(weights.shape + (1,) * (values.ndim - 1))
  mass = jax.ops.segment_sum(weights, ids, k + 1)[:k]
  total = jax.ops.segment_sum(column * values, ids, k + 1)[:k]
  return safe_divide(total, mass.reshape(k, *column.shape[1:])), mass


def bucket(batch: Batch, k: int, capacity: int) -> tuple[Batch, Array]:
  """Groups the rows by cell, with shapes that do not depend on them.

  Masked rows and rows of no cell take up no room. Where a cell has more rows
  than `capacity`, its last rows are dropped.

  Args:
    batch: `n` rows.
    k: the number of cells.
    capacity: the rows that a cell has room for.

  Returns:
    A batch whose leaves are `[k, capacity, ...]`, empty places having weight 0,
    and the mass `f[k]` of the rows that found no room.

  >>> batch = Batch(*jnp.ones((3, 3)), *jnp.array([[1, 0, 1]] * 3))
  >>> dealt, dropped = bucket(batch, 2, 1)
  >>> dealt.weights.tolist(), dropped.tolist()
  ([[1.0], [1.0]], [0.0, 1.0])
  """
  chex.assert_rank(batch.cells, 1)
  chex.assert_equal_shape_prefix(jax.tree.leaves(batch), 1)
  n = batch.cells.shape[0]
  valid = (batch.cells >= 0) & (batch.cells < k) & (batch.weights > 0)
  keys = jnp.where(valid, batch.cells, k)
  order = jnp.argsort(keys, stable=True)
  keys = keys[order]
  place = jnp.arange(n) - jnp.searchsorted(keys, jnp.arange(k + 1))[keys]
  rows = jnp.full((k, capacity), n).at[keys, place].set(order, mode='drop')
  # Batch statistics see empty places too, so these repeat the cell's own rows.
  count = jnp.maximum((rows < n).sum(1), 1)
  again = jnp.arange(capacity)[None] % count[:, None]
  dealt = take(batch, jnp.take_along_axis(rows, again, 1))
  dealt = replace(dealt, weights=jnp.where(rows < n, dealt.weights, 0.0))
  mass = jax.ops.segment_sum(batch.weights[order], keys, k + 1)[:k]
  return dealt, mass - dealt.weights.sum(1)


def inside_mass(batch: Batch, num_classes: int) -> Array:
  """Returns the total weight `f[]` of in-distribution rows.

  Args:
    batch: `n` rows.
    num_classes: rows with a cell below it are in-distribution.
  """
  return jnp.sum(jnp.where(batch.cells < num_classes, batch.weights, 0.0))


def training_loss(
  losses: Array, batch: Batch, num_classes: int, mass: Array | None = None
) -> Array:
  """Returns the weighted loss per unit of in-distribution mass.

  `sum_i w_i l_i / sum_{i: cell_i < num_classes} w_i`: dividing by the mass of
  the classes alone makes cross-entropy plus `lambda * U` exact when outlier
  rows of mass `lambda` are appended.

  Args:
    losses: `f[n]`, one for each row of `batch`.
    batch: the rows.
    num_classes: cells below it are in-distribution.
    mass: by what to divide, where `batch` is a part of a larger one.

  Returns:
    `f[]`.

  Source: Hendrycks et al., Deep Anomaly Detection with Outlier Exposure, ICLR
    2019, eq. 1.
  """
  chex.assert_equal_shape([losses, batch.weights])
  inside = inside_mass(batch, num_classes) if mass is None else mass
  total = jnp.sum(batch.weights * losses)
  # Outliers alone, without mass to be divided by, keep their sum.
  return total / jnp.where(inside > 0, inside, 1.0)
