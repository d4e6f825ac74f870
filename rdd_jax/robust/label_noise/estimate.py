"""Estimates how labels are given, and the true classes behind them.

From scores of probes that were never asked about rows they trained on, by the
forward likelihood of the labels as given (Patrini et al., CVPR 2017).

Deviations:
  Transitions and probabilities are fitted in turn, from two starts: labels are
  given to all other classes alike, or to the few that labels of confidently
  scored rows show. Where the evidence hardly differs, both are returned.
  Probabilities that are less sure than the probes agree are sharpened, and
  labels that resemble what they say are doubted more.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
import itertools
from typing import Any, NamedTuple

import chex
import jax
from jax import Array
import jax.numpy as jnp
from jax.typing import ArrayLike

from rdd_jax.core.numerics import safe_divide
from rdd_jax.robust.label_noise import forward, resemblance, sureness
from rdd_jax.robust.label_noise.transition import (
  RARE,
  compose,
  confident,
  even,
  expected_pairs,
  posterior,
  sparse,
)

PRECISIONS = (100.0, 300.0, 1000.0)  # of the map's entries, that are tried
FIRST, LATER = 60, 25  # steps of Adam, from scratch and from what was found
ROUNDS = 10  # at most, of fitting transitions and probabilities in turn,
GAIN = 5e-4  # while the evidence gains as much
PASSES = 2  # at most, from what confident rows show
MOST = len(PRECISIONS) + ROUNDS + PASSES * (1 + ROUNDS)  # fits, of all
MARGIN = 0.01  # of the evidence: models within it are all returned
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


def estimate(
  scores: Array,
  labels: Array,
  halves: Array,
  disagreement: ArrayLike = 1.0,
  tell: Callable[[int, int], None] = lambda done, total: None,
) -> list[NoiseModel]:
  """Estimates how labels are given, and the true classes behind them.

  Probabilities are `softmax(s z (I + B) + b)` of standardized scores `z`, of
  each half of the rows by what fits the labels of the other, and then, of all,
  sharpened or softened and given a heavier tail together with the rates of
  noise.

  Args:
    scores: `f[N, k]`, of probes about rows that they did not train on; higher
      is likelier.
    labels: `i[N]`, as given.
    halves: `i[2, N // 2]`, numbers of the rows of each half; an odd one is in
      neither, and takes what the map of the second says.
    disagreement: `f[]`, the share of rows on which two probes differ.
    tell: called with how many fits are done, and how many there may be.

  Returns:
    The model of the greatest evidence first, and others that explain the labels
    about as well.

  Source: Patrini et al., CVPR 2017, theorem 2; Northcutt et al., JAIR 2021.
  """
  chex.assert_rank(scores, 2)
  k = scores.shape[1]
  if k == 1:
    ones = jnp.ones_like(scores)
    return [NoiseModel(ones, jnp.ones((1, 1)), jnp.zeros([]), jnp.zeros([]))]
  z = forward.standardized(scores)
  fits = itertools.count()

  def turn(*options: Any) -> tuple[NoiseModel, Any]:
    tell(next(fits), MOST)
    return _turn(z, labels, halves, *options)

  start = compose(jnp.full(k, 0.3), even(k))
  trials = [
    turn(start, forward.fresh(k), precision, FIRST) for precision in PRECISIONS
  ]
  best = max(range(len(trials)), key=lambda i: float(trials[i][0].evidence))
  precision = PRECISIONS[best]

  def settle(model: NoiseModel, maps: Any, pairs: bool) -> NoiseModel:
    """Fits in turn for as long as the evidence gains by it."""
    for _ in range(ROUNDS):
      start = _next(model, labels, pairs=pairs)
      new, maps = turn(start, maps, precision, LATER)
      gain = float(new.evidence) - float(model.evidence)
      model = new if gain > 0 else model
      if gain < GAIN:
        break
    return model

  first, maps = trials[best]
  alike = settle(first, maps, pairs=False)
  found, asked = [], scores
  for _ in range(PASSES):
    shown = _shown(asked, labels)
    start = turn(shown, maps, precision, FIRST)
    pairs = settle(*start, pairs=True)
    gain = float(pairs.evidence) - float((found or [alike])[0].evidence)
    if found and gain < GAIN:
      break
    found, asked = [pairs], pairs.clean
    if gain < MARGIN:
      break
  tell(MOST, MOST)
  found = sorted([*found, alike], key=lambda model: -float(model.evidence))
  least = float(found[0].evidence) - MARGIN
  return [
    _wary(model, labels, disagreement)
    for model in found
    if float(model.evidence) >= least
  ]


def as_given(scores: Array, labels: Array, halves: Array) -> Array:
  """Returns held-out probabilities of the labels as given, `f[N, k]`.

  Args:
    scores: `f[N, k]`, see `estimate`.
    labels: `i[N]`, as given.
    halves: `i[2, N // 2]`, see `estimate`.
  """
  k = scores.shape[1]
  z, identity = forward.standardized(scores), jnp.eye(k)
  fitted = forward.fit(
    z, labels, halves, identity, forward.fresh(k), PRECISIONS[1], FIRST
  )
  return jnp.exp(forward.held_out(z, fitted, halves))


@jax.jit
def _wary(
  model: NoiseModel, labels: Array, disagreement: ArrayLike
) -> NoiseModel:
  """As sure as the probes agree, and wary of what images resemble."""

  def sharp() -> tuple[Array, Array]:
    clean = sureness.sharpened(model.clean, disagreement)
    return clean, sureness.refitted(clean, model.transition, labels)

  short = sureness.is_short(model.clean, disagreement)
  clean, transition = jax.lax.cond(
    short, sharp, lambda: (model.clean, model.transition)
  )
  alike = resemblance.resemblance(clean, transition)
  return NoiseModel(clean, transition, model.evidence, alike)


@jax.jit
def _shown(scores: Array, labels: Array) -> Array:
  """The transition that labels of confidently scored rows show."""
  rates = jnp.full(scores.shape[1], 0.4)
  return compose(rates, confident(scores, labels))


@partial(jax.jit, static_argnames='pairs')
def _next(model: NoiseModel, labels: Array, *, pairs: bool) -> Array:
  """The transition of the pairs that a model expects, or of none."""
  among = even(model.transition.shape[0])
  if pairs:
    among = sparse(expected_pairs(model.posterior(labels), labels))
  return compose(1 - jnp.diag(model.transition), among)


@jax.jit
def _turn(
  z: Array,
  labels: Array,
  halves: Array,
  transition: Array,
  maps: Any,
  precision: ArrayLike,
  steps: ArrayLike,
) -> tuple[NoiseModel, Any]:
  """Fits probabilities for a transition, and then rates for probabilities."""
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

  p = forward.adam(loss, start, FIRST, 0.05)
  likelihood = forward.likelihood(
    clean(p), jnp.log(transition(p) + 1e-8), labels
  )
  n, k = logs.shape
  pairs = (among >= jnp.maximum(RARE, 1.01 / max(k - 1, 1))).sum()
  evidence = likelihood - 0.5 * jnp.log(n) / n * pairs
  return NoiseModel(jnp.exp(clean(p)), transition(p), evidence, jnp.zeros([]))
