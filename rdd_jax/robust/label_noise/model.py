"""A model of how labels are given, and one turn of fitting it.

The forward likelihood of the labels as given: Patrini et al., CVPR 2017.

Deviations:
  Probabilities have a heavier tail than a softmax, and are as sharp as the
  labels say; rates of noise of all classes are drawn to their mean.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
from jax import Array
import jax.numpy as jnp
from jax.typing import ArrayLike

from rdd_jax.core.numerics import safe_divide
from rdd_jax.robust.label_noise import forward, resemblance
from rdd_jax.robust.label_noise.transition import RARE, compose, posterior

STEPS = 60  # of Adam, for sharpness, tail and rates
SOFTER = 3.0  # temperature of the heavy tail of probabilities


class NoiseModel(NamedTuple):
  """What `estimate` finds.

  Attributes:
    clean: `f[N, k]`, the probability of each true class, by held-out scores
      alone.
    transition: `f[k, k]`, `P(given j | true i)`.
    evidence: `f[]`, the mean log-likelihood of the labels as given, less half
      of `log N / N` for each pair of classes that is not taken as alike (BIC);
      before probabilities were sharpened.
    resemblance: `f[]`, how much labels follow what images resemble.
  """

  clean: Array
  transition: Array
  evidence: Array
  resemblance: Array

  def posterior(self, labels: Array) -> Array:
    """Computes `transition.posterior` of rows with these labels, `f[N, k]`."""
    return posterior(self.clean, self.transition, labels)

  def wary(self, labels: Array) -> Array:
    """Computes `resemblance.posterior` of rows with these labels, `f[N, k]`."""
    return resemblance.posterior(
      self.clean, self.transition, labels, self.resemblance
    )


@jax.jit
def turn(
  z: Array,
  labels: Array,
  halves: Array,
  transition: Array,
  maps: Any,
  precision: ArrayLike,
  steps: ArrayLike,
) -> tuple[NoiseModel, Any]:
  """Fits probabilities for a transition, and then rates for probabilities.

  Args:
    z: `f[N, k]`, standardized scores.
    labels: `i[N]`, as given.
    halves: `i[2, N // 2]`, numbers of rows.
    transition: `f[k, k]`, `P(given j | true i)`.
    maps: of both halves, where to start.
    precision: of the prior on entries of the maps.
    steps: of Adam, for the maps.

  Returns:
    The model, and its maps.
  """
  fitted = forward.fit(z, labels, halves, transition, maps, precision, steps)
  rates = 1 - jnp.diag(transition)
  among = transition * (1 - jnp.eye(z.shape[1]))
  among = safe_divide(among, among.sum(1, keepdims=True))
  return _calibrate(
    forward.held_out(z, fitted, halves), labels, rates, among
  ), fitted


def _calibrate(
  logs: Array, labels: Array, rates: Array, among: Array
) -> NoiseModel:
  """Fits the sharpness and the tail of probabilities, and rates of noise."""
  common = jnp.clip(rates.mean(), 0.05, 0.95)
  start = {
    'scale': jnp.zeros([]),
    'tail': jnp.full([], -3.0),
    'rate': jnp.full(rates.shape, jnp.log(common / (1 - common))),
  }

  def clean(p: Any) -> Array:
    sharp = jnp.exp(p['scale']) * logs
    return jnp.logaddexp(
      jax.nn.log_softmax(sharp, 1) + jax.nn.log_sigmoid(-p['tail']),
      jax.nn.log_softmax(sharp / SOFTER, 1) + jax.nn.log_sigmoid(p['tail']),
    )

  def transition(p: Any) -> Array:
    return compose(jax.nn.sigmoid(p['rate']), among)

  def loss(p: Any) -> Array:
    spread = ((p['rate'] - p['rate'].mean()) ** 2).sum()
    prior = 5 * spread / logs.shape[0]
    return prior - forward.likelihood(
      clean(p), jnp.log(transition(p) + 1e-8), labels
    )

  p = forward.adam(loss, start, STEPS, 0.05)
  likelihood = forward.likelihood(
    clean(p), jnp.log(transition(p) + 1e-8), labels
  )
  n, k = logs.shape
  pairs = (among >= jnp.maximum(RARE, 1.01 / max(k - 1, 1))).sum()
  evidence = likelihood - 0.5 * jnp.log(n) / n * pairs
  return NoiseModel(jnp.exp(clean(p)), transition(p), evidence, jnp.zeros([]))
