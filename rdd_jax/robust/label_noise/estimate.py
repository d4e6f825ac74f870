"""Estimates how labels are given, and the true classes behind them.

From scores of probes that were never asked about rows they trained on, by the
forward likelihood of the labels as given (Patrini et al., CVPR 2017).

Deviations:
  Transitions and probabilities are fitted in turn, from two starts: labels are
  given to all other classes alike, or to the few that labels of confidently
  scored rows show. Flips that may have been found backwards are tried the
  other way. Where the evidence hardly differs, both are returned.
  Probabilities that are less sure than the probes agree are sharpened, and
  labels that resemble what they say are doubted more.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
import itertools
from typing import Any

import chex
import jax
from jax import Array
import jax.numpy as jnp
from jax.typing import ArrayLike

from rdd_jax.robust.label_noise import (
  forward,
  resemblance,
  reversal,
  sureness,
)
from rdd_jax.robust.label_noise.model import NoiseModel, turn
from rdd_jax.robust.label_noise.transition import (
  compose,
  confident,
  even,
  expected_pairs,
  sparse,
)

PRECISIONS = (100.0, 300.0, 1000.0)  # of the map's entries, that are tried
FIRST, LATER = 60, 25  # steps of Adam, from scratch and from what was found
ROUNDS = 10  # at most, of fitting transitions and probabilities in turn,
GAIN = 5e-4  # while the evidence gains as much
PASSES = 2  # at most, from what confident rows show
MOST = len(PRECISIONS) + ROUNDS + (PASSES + 1) * (1 + ROUNDS)  # of fits
MARGIN = 0.01  # of the evidence: models within it are all returned


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

  def fit(*options: Any) -> tuple[NoiseModel, Any]:
    tell(min(next(fits), MOST), MOST)
    return turn(z, labels, halves, *options)

  trials = [fit(*_even(k), precision, FIRST) for precision in PRECISIONS]
  best = max(range(len(trials)), key=lambda i: float(trials[i][0].evidence))
  precision = PRECISIONS[best]

  def settle(
    model: NoiseModel, maps: Any, pairs: bool
  ) -> tuple[NoiseModel, Any]:
    """Fits in turn for as long as the evidence gains by it."""
    for _ in range(ROUNDS):
      start = _next(model, labels, pairs=pairs)
      new, maps = fit(start, maps, precision, LATER)
      gain = float(new.evidence) - float(model.evidence)
      model = new if gain > 0 else model
      if gain < GAIN:
        break
    return model, maps

  def begin(start: Array, maps: Any) -> NoiseModel:
    """Fits from a transition, with few pairs."""
    first = fit(start, maps, precision, FIRST)
    return settle(*first, pairs=True)[0]

  alike, maps = settle(*trials[best], pairs=False)
  found, asked = [], scores
  for _ in range(PASSES):
    pairs = begin(_shown(asked, labels), maps)
    gain = float(pairs.evidence) - float((found or [alike])[0].evidence)
    if found and gain < GAIN:
      break
    found, asked = [pairs], pairs.clean
    if gain < MARGIN:
      break
  found = [_turned_round(found[0], begin)]
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


def _turned_round(model: NoiseModel, begin: Any) -> NoiseModel:
  """The model after flips that were found backwards are turned round."""
  for classes in reversal.doubtful(model.transition):
    start = reversal.turned(model.transition, classes)
    other = begin(start, forward.fresh(len(start)))
    doubts = [reversal.doubt(m.transition, classes) for m in (model, other)]
    as_good = other.evidence > model.evidence - GAIN
    if as_good and doubts[1] < doubts[0]:
      model = other
  return model


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


@partial(jax.jit, static_argnums=0)
def _even(k: int) -> tuple[Array, Any]:
  """The transition to all classes alike, and maps before any fit."""
  return compose(jnp.full(k, 0.3), even(k)), forward.fresh(k)


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
