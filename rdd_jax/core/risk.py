"""Risks of a vector of losses, as the weights that they put on it.

A coherent risk is a worst case over measures, `risk(L) = max_w sum_g w_g L_g`,
and by the envelope theorem its gradient is `sum_g w_g* grad L_g` (Shapiro,
Dentcheva and Ruszczynski, Lectures on Stochastic Programming, ch. 6). So a risk
is a function `(values[k], mass[k]) -> weights[k]`, and `evaluate` is its value,
with the right gradient. Empty groups (mass 0) get weight 0.
"""

from __future__ import annotations

from collections.abc import Callable

import chex
import jax
from jax import Array
import jax.numpy as jnp

from rdd_jax.core.numerics import safe_divide

Risk = Callable[[Array, Array], Array]


def normalize(mass: Array) -> Array:
  """Returns `mass / sum(mass)`, and zeros where there is no mass at all.

  >>> normalize(jnp.array([1.0, 3.0])).tolist()
  [0.25, 0.75]
  """
  return safe_divide(mass, mass.sum())


def mean() -> Risk:
  """Returns the risk that weighs by mass: the expectation.

  >>> mean()(jnp.array([1.0, 5.0]), jnp.array([3.0, 1.0])).tolist()
  [0.75, 0.25]
  """
  return lambda values, mass: normalize(mass)


def equal() -> Risk:
  """Returns the same weight for each group that is not empty.

  >>> equal()(jnp.array([1.0, 5.0]), jnp.array([3.0, 1.0])).tolist()
  [0.5, 0.5]
  """
  return lambda values, mass: normalize(jnp.where(mass > 0, 1.0, 0.0))


def total() -> Risk:
  """Returns weight one for each group that is not empty: a sum over classes.

  The only risk here whose weights do not sum to one; it is what the published
  matching losses use.

  >>> total()(jnp.array([1.0, 5.0]), jnp.array([3.0, 1.0])).tolist()
  [1.0, 1.0]
  """
  return lambda values, mass: jnp.where(mass > 0, 1.0, 0.0)


def worst() -> Risk:
  """Returns all weight on the largest value; the first one among equals.

  >>> worst()(jnp.array([1.0, 5.0]), jnp.array([3.0, 1.0])).tolist()
  [0.0, 1.0]
  """

  def weights(values: Array, mass: Array) -> Array:
    masked = jnp.where(mass > 0, values, -jnp.inf)
    one = jax.nn.one_hot(jnp.argmax(masked), values.shape[0])
    return jnp.where(mass > 0, one, 0.0)

  return weights


def cvar(tail: float) -> Risk:
  """Returns the mean of the worst `tail` share of the mass.

  The weights solve `max w.L` over `0 <= w <= p / tail`, `sum(w) = 1`, with `p`
  the normalized mass (Rockafellar and Uryasev, Optimization of Conditional
  Value-at-Risk, 2000). `tail` is the mass of the tail, not the level: 1 gives
  the mean, and the limit 0 the worst group.

  Args:
    tail: in `(0, 1]`.

  Raises:
    ValueError: for a tail outside `(0, 1]`.

  >>> cvar(0.5)(jnp.array([1.0, 5.0]), jnp.array([3.0, 1.0])).tolist()
  [0.5, 0.5]
  """
  if not 0 < tail <= 1:
    raise ValueError(
      f'cvar(tail={tail}): the tail mass must lie in (0, 1]; '
      '1 is the mean, small values approach the worst group'
    )

  def weights(values: Array, mass: Array) -> Array:
    p = normalize(mass)
    order = jnp.argsort(jnp.where(mass > 0, -values, jnp.inf))
    worse = jnp.cumsum(p[order]) - p[order]
    # Clipped, and no difference of sums: rounding may not leave the bounds.
    w = jnp.clip(tail - worse, 0, p[order]) / tail
    return jnp.zeros_like(p).at[order].set(w)

  return weights


def entropic(temperature: float) -> Risk:
  """Returns exponentially tilted weights: the worst case under a KL penalty.

  Args:
    temperature: positive; small values approach the worst group.

  >>> entropic(0.01)(jnp.array([1.0, 5.0]), jnp.array([3.0, 1.0])).tolist()
  [0.0, 1.0]
  """
  if temperature <= 0:
    raise ValueError(
      f'entropic(temperature={temperature}): must be positive; '
      'small values approach the worst group'
    )

  def weights(values: Array, mass: Array) -> Array:
    logits = values / temperature + jnp.log(jnp.where(mass > 0, mass, 1.0))
    masked = jnp.where(mass > 0, logits, -jnp.inf)
    w = jnp.where(mass > 0, jnp.exp(masked - masked.max()), 0.0)
    return normalize(w)

  return weights


def chi_square(temperature: float) -> Risk:
  """Returns the worst case under a chi-square penalty on the change of mass.

  `max_w w.L - temperature / 2 sum_g p_g (w_g / p_g - 1)^2` over `w >= 0`,
  `sum(w) = 1`, so `w = p (1 + (L - eta) / temperature)_+` (Namkoong and Duchi,
  Variance-based Regularization with Convex Objectives, 2017).

  Args:
    temperature: positive; small values approach the worst group.

  >>> chi_square(8.0)(jnp.array([1.0, 5.0]), jnp.array([3.0, 1.0])).tolist()
  [0.65625, 0.34375]
  """
  if temperature <= 0:
    raise ValueError(
      f'chi_square(temperature={temperature}): must be positive; '
      'small values approach the worst group'
    )

  def weights(values: Array, mass: Array) -> Array:
    p = normalize(mass)
    order = jnp.argsort(jnp.where(mass > 0, -values, jnp.inf))
    q, v = p[order], jnp.where(mass > 0, values, 0.0)[order]
    # eta, if the weight of the worst k groups alone is positive, for each k.
    head = jnp.cumsum(q)
    eta = jnp.cumsum(q * v) + temperature * (head - 1)
    eta = safe_divide(eta, head)
    inside = (q > 0) & (v - eta > -temperature)
    last = jnp.maximum(inside.sum() - 1, 0)
    w = p * jnp.maximum(1 + (values - eta[last]) / temperature, 0.0)
    return normalize(jnp.where(mass > 0, w, 0.0))

  return weights


def uniformly(risk: Risk) -> Risk:
  """Returns the risk under equal mass for each group that is not empty.

  So `uniformly(cvar(0.2))` is the mean of the worst fifth of the groups, and
  `cvar(0.2)` that of the groups which hold the worst fifth of the rows.

  >>> uniformly(mean())(jnp.array([1.0, 5.0]), jnp.array([3.0, 1.0])).tolist()
  [0.5, 0.5]
  """
  return lambda values, mass: risk(values, jnp.where(mass > 0, 1.0, 0.0))


def mix(*terms: tuple[float, Risk]) -> Risk:
  """Returns a weighted sum of risks.

  >>> half = mix((0.5, mean()), (0.5, worst()))
  >>> half(jnp.array([1.0, 5.0]), jnp.array([3.0, 1.0])).tolist()
  [0.375, 0.625]
  """
  return lambda values, mass: jnp.sum(
    jnp.stack([c * risk(values, mass) for c, risk in terms]), 0
  )


def evaluate(risk: Risk, values: Array, mass: Array) -> Array:
  """Computes the risk of losses; its gradient is exact.

  Args:
    risk: `(values, mass) -> weights f[k]`.
    values: `f[k]`, the loss of each group.
    mass: `f[k]`, non-negative; 0 where a group is empty.

  Returns:
    `f[]`.

  >>> evaluate(mean(), jnp.array([1.0, 5.0]), jnp.array([3.0, 1.0])).item()
  2.0
  """
  chex.assert_rank(values, 1)
  chex.assert_equal_shape([values, mass])
  weights = jax.lax.stop_gradient(risk(values, mass))
  return jnp.sum(jnp.where(weights != 0, weights * values, 0.0))
