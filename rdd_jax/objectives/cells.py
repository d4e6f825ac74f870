"""Cell by cell: what is matched with what, in static shapes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
from jax import Array
import jax.numpy as jnp

from rdd_jax.core.batch import Batch, Look, bucket
from rdd_jax.core.numerics import safe_divide
from rdd_jax.core.sharding import constrain
from rdd_jax.images.augment import Augment


def weighted_mean(values: Array, weights: Array) -> Array:
  """Returns the mean `f[d]` of rows; zero where there is no mass.

  Args:
    values: `f[n, d]`.
    weights: `f[n]`, non-negative.
  """
  return safe_divide(weights @ values, weights.sum())


def map_cells(
  describe: Callable[[Batch], Any],
  discrepancy: Callable[[Any, Any], Array],
  key: Array,
  real: Batch,
  synthetic: Batch,
  *,
  num_cells: int,
  real_rows: int,
  synthetic_rows: int,
  augment: Augment | None = None,
  look: Look = Look(),
) -> tuple[Array, Array, dict[str, Array]]:
  """Computes how far the synthetic rows of each cell are from its real ones.

  One cell after the other, and with the synthetic side described again on the
  way back, so that memory is that of one cell.

  Args:
    describe: from the rows of a cell to what is compared. No gradient passes
      the description of real rows.
    discrepancy: `(synthetic, real)` descriptions, to a scalar.
    key: split over the cells, for `augment`.
    real: `n` rows.
    synthetic: `m` rows.
    num_cells: how many cells there are.
    real_rows: the room for real rows in a cell.
    synthetic_rows: the room for synthetic rows in a cell.
    augment: Siamese; one draw for the real and synthetic rows of a cell.
    look: from the real rows of a cell to the same with their inputs.

  Returns:
    Values `f[k]`, the matched real mass `f[k]`, and the metric `unmatched`, the
    share of real mass that found no room, or belongs to no cell.
  """
  rs, _ = bucket(real, num_cells, real_rows)
  ss, _ = bucket(synthetic, num_cells, synthetic_rows)
  rs = constrain(rs, axis=1)

  def described(key: Array, batch: Batch) -> Any:
    inputs = augment(key, batch.inputs) if augment else batch.inputs
    return describe(replace(batch, inputs=inputs))

  @jax.checkpoint
  def compare(key: Array, target: Any, s: Batch) -> Array:
    return discrepancy(described(key, s), target)

  def one(cell: tuple[Array, Batch, Batch]) -> Array:
    key, r, s = cell
    target = jax.lax.stop_gradient(described(key, constrain(look(r))))
    return compare(key, target, s)

  values = jax.lax.map(one, (jax.random.split(key, num_cells), rs, ss))
  mass = rs.weights.sum(1)
  whole = real.weights.sum()
  lost = jnp.maximum(whole - mass.sum(), 0.0)
  unmatched = safe_divide(lost, whole)
  return values, mass, {'unmatched': unmatched}
