"""Two normal components of a number, fitted in each class by EM."""

from __future__ import annotations

from typing import NamedTuple

import chex
import jax
from jax import Array
import jax.numpy as jnp

from rdd_jax.core.numerics import safe_divide

STEPS = 50  # of EM
LLOYD = 10  # of 2-means, from which EM starts


class Mixture(NamedTuple):
  """For each of `k` classes, its component of the lower mean first.

  Attributes:
    shares: `f[k, 2]`, summing to one.
    means: `f[k, 2]`.
    variances: `f[k, 2]`.
    rows: `f[k]`, the rows that each was fitted to.
  """

  shares: Array
  means: Array
  variances: Array
  rows: Array


def fit(
  values: Array, ids: Array, k: int, *, regularization: float = 5e-4
) -> Mixture:
  """Fits two normal components in each class by maximum likelihood (EM).

  EM starts from 2-means, in all classes at once.

  Args:
    values: `f[n]`; those that are not finite are left out.
    ids: `i[n]`, the class; rows outside `[0, k)` are left out.
    k: the number of classes.
    regularization: added to each variance, in units of `values` squared, as
      scikit-learn's `reg_covar` is.

  Returns:
    The mixtures; of classes without rows, some numbers without meaning.
  """
  chex.assert_rank(values, 1)
  chex.assert_equal_shape([values, ids])
  valid = jnp.isfinite(values) & (ids >= 0) & (ids < k)
  ids = jnp.where(valid, ids, k)
  x = jnp.where(valid, values, 0.0)

  def total(rows: Array) -> Array:
    return jax.ops.segment_sum(rows, ids, k + 1)[:k]

  def components(share: Array) -> Mixture:
    mass = total(share)
    means = safe_divide(total(share * x[:, None]), mass)
    spread = (x[:, None] - _of(means, ids)) ** 2
    variances = safe_divide(total(share * spread), mass) + regularization
    rows = mass.sum(1)
    shares = safe_divide(mass, rows[:, None])
    return Mixture(shares, means, variances, rows)

  def nearest(means: Array) -> Array:
    distance = jnp.abs(x[:, None] - _of(means, ids))
    return jax.nn.one_hot(distance.argmin(1), 2) * valid[:, None]

  def lloyd(_: int, means: Array) -> Array:
    found = components(nearest(means))
    return jnp.where(found.shares > 0, found.means, means)

  def step(_: int, mixture: Mixture) -> Mixture:
    return components(_responsibility(mixture, x, ids) * valid[:, None])

  low = jax.ops.segment_min(jnp.where(valid, x, jnp.inf), ids, k + 1)[:k]
  high = jax.ops.segment_max(jnp.where(valid, x, -jnp.inf), ids, k + 1)[:k]
  ends = jnp.stack([low, high], 1)
  means = jnp.where(jnp.isfinite(ends), ends, 0.0)
  means = jax.lax.fori_loop(0, LLOYD, lloyd, means)
  found = jax.lax.fori_loop(0, STEPS, step, components(nearest(means)))
  order = jnp.argsort(found.means, 1)

  def ordered(values: Array) -> Array:
    return jnp.take_along_axis(values, order, 1)

  return Mixture(
    ordered(found.shares),
    ordered(found.means),
    ordered(found.variances),
    found.rows,
  )


def low_posterior(
  values: Array,
  ids: Array,
  k: int,
  *,
  by_class: bool = True,
  least: int = 20,
  regularization: float = 5e-4,
) -> Array:
  """Returns the posterior probability of the component of the lower mean.

  A class whose fit says nothing, for want of rows or because a component holds
  less than one of them, takes the mixture of all rows; where that says nothing
  either, all rows count as low.

  Args:
    values: `f[n]`; rows whose value is not finite get 0.
    ids: `i[n]`, the class.
    k: the number of classes.
    by_class: False takes one mixture for all rows.
    least: rows that a class must have for a mixture of its own.
    regularization: see `fit`.

  Returns:
    `f[n]`, in [0, 1].
  """
  whole = jnp.where((ids >= 0) & (ids < k), 0, -1)
  common = fit(values, whole, 1, regularization=regularization)
  found = jnp.where(
    _sound(common, 2)[0], _low(common, values, jnp.zeros_like(ids)), 1.0
  )
  if by_class:
    own = fit(values, ids, k, regularization=regularization)
    sound = _of(_sound(own, least), ids)
    found = jnp.where(sound, _low(own, values, ids), found)
  return jnp.where(jnp.isfinite(values), found, 0.0)


def _low(mixture: Mixture, values: Array, ids: Array) -> Array:
  """The posterior of the low component, which never rises with the value.

  Beyond the means it stays as it is there: the wider component, which would
  win far out on either side, says nothing of a still lower loss.
  """
  means = _of(mixture.means, ids)
  x = jnp.clip(values, means[:, 0], means[:, 1])
  return _responsibility(mixture, x, ids)[:, 0]


def _sound(mixture: Mixture, least: int) -> Array:
  """`b[k]`: enough rows, and at least one in each component."""
  members = mixture.shares.min(1) * mixture.rows
  return (mixture.rows >= least) & (members >= 1)


def _responsibility(mixture: Mixture, x: Array, ids: Array) -> Array:
  """`f[n, 2]`, the posterior of each component at `f[n]`."""
  shares, means, variances = (_of(a, ids) for a in mixture[:3])
  z = (x[:, None] - means) ** 2 / variances
  logits = jnp.log(shares + 1e-30) - 0.5 * (z + jnp.log(variances))
  return jax.nn.softmax(logits, 1)


def _of(values: Array, ids: Array) -> Array:
  """The entry of each row's class."""
  return jnp.take(values, ids, 0, mode='clip')
