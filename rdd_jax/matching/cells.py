"""Cell by cell: what is matched with what, in static shapes."""

from __future__ import annotations

from collections.abc import Callable

import jax
from jax import Array
import jax.numpy as jnp

from rdd_jax.batch import Batch, bucket
from rdd_jax.ops import constrain


def weighted_mean(values: Array, weights: Array) -> Array:
  """The mean `f[d]` of rows `f[n, d]`; zero where there is no mass."""
  total = weights.sum()
  return weights @ values / jnp.where(total > 0, total, 1.0)


def map_cells(
  discrepancy: Callable[[Array, Batch, Batch], Array],
  key: Array,
  real: Batch,
  synthetic: Batch,
  *,
  num_cells: int,
  real_rows: int,
  synthetic_rows: int,
) -> tuple[Array, Array, dict[str, Array]]:
  """`discrepancy(key, real, synthetic)` of every cell, one after the other.

  In turn and not at once, so that memory is that of one cell.

  Args:
    discrepancy: of the rows of one cell, to a scalar; `real` carries no
      gradient.
    key: split over the cells.
    real: `n` rows.
    synthetic: `m` rows.
    num_cells: how many cells there are.
    real_rows: the room for real rows in a cell.
    synthetic_rows: the room for synthetic rows in a cell.

  Returns:
    Values `f[k]`, the matched real mass `f[k]`, and the metric `unmatched`, the
    share of real mass that found no room, or belongs to no cell.
  """
  rs, _ = bucket(real, num_cells, real_rows)
  ss, _ = bucket(synthetic, num_cells, synthetic_rows)
  rs = constrain(rs, axis=1)
  cells = (jax.random.split(key, num_cells), rs, ss)
  values = jax.lax.map(lambda cell: discrepancy(*cell), cells)
  mass = rs.weights.sum(1)
  whole = real.weights.sum()
  lost = jnp.maximum(whole - mass.sum(), 0.0)
  unmatched = lost / jnp.where(whole > 0, whole, 1.0)
  return values, mass, {'unmatched': unmatched}
