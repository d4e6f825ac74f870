"""Cell by cell: what is matched with what, in static shapes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import jax
from jax import Array
import jax.numpy as jnp

from rdd_jax.core.batch import Batch, Look, bucket
from rdd_jax.core.numerics import safe_divide
from rdd_jax.core.sharding import constrain
from rdd_jax.images.augment import Augment

T = TypeVar('T')


def weighted_mean(values: Array, weights: Array) -> Array:
  """Returns the mean `f[d]` of rows; zero where there is no mass.

  Args:
    values: `f[n, d]`.
    weights: `f[n]`, non-negative.
  """
  return safe_divide(weights @ values, weights.sum())


def with_gradient(fn: Callable[[T], Array], x: T) -> Array:
  """Computes a scalar together with its gradient, once.

  `f(x') + <grad f(x'), x - x'>` at an `x'` that is `x`, and not differentiated.
  In a loop, all that is kept of an iteration is that gradient, and nothing is
  computed again on the way back. There is no second derivative.

  Args:
    fn: from a tree of float arrays to a scalar.
    x: such a tree.

  >>> float(jax.grad(lambda x: with_gradient(lambda x: x**3, x))(2.0))
  12.0
  """
  still = jax.lax.stop_gradient(x)
  value, gradient = jax.value_and_grad(fn)(still)
  moved = jax.tree.map(lambda g, a, b: jnp.sum(g * (a - b)), gradient, x, still)
  return value + sum(jax.tree.leaves(moved))


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

  One cell after the other, each with its gradient, so that memory is that of
  one cell and of the gradient of all synthetic rows.

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

  def one(cell: tuple[Array, Batch, Batch]) -> Array:
    key, r, s = cell
    target = jax.lax.stop_gradient(described(key, constrain(look(r))))

    def compare(known: tuple[Array, Array, Array]) -> Array:
      inputs, targets, weights = known
      rows = replace(s, inputs=inputs, targets=targets, weights=weights)
      return discrepancy(described(key, rows), target)

    return with_gradient(compare, (s.inputs, s.targets, s.weights))

  values = jax.lax.map(one, (jax.random.split(key, num_cells), rs, ss))
  mass = rs.weights.sum(1)
  whole = real.weights.sum()
  lost = jnp.maximum(whole - mass.sum(), 0.0)
  unmatched = safe_divide(lost, whole)
  return values, mass, {'unmatched': unmatched}
