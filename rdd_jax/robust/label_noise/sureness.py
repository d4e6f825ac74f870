"""How sure probabilities must be, by how much two probes agree.

Labels that depend on the image make probabilities soft, as hard images do. But
two probes of different rows differ where images are hard, and agree where only
labels are wrong: the share of rows on which two networks differ is about the
error of one (Jiang et al., Assessing Generalization of SGD via Disagreement,
ICLR 2022).

Deviations:
  Ridge regressions on fixed features err together: 1.2 to 2.1 times as often as
  they differ, on clean labels of digits, Fashion-MNIST and CIFAR-10, and 0.6 to
  2.5 times on wrong ones. 1.5 is between.
"""

from __future__ import annotations

import jax
from jax import Array
import jax.numpy as jnp
from jax.typing import ArrayLike

from rdd_jax.robust.label_noise.transition import (
  compose,
  expected_pairs,
  posterior,
  sparse,
)

ERRORS = 1.5  # of a probe, for each row on which two of them differ
SHARPEST = 50.0
HALVINGS, ROUNDS = 25, 25
COMMON = 0.02  # of the mean rate of noise, in that of each class


def is_short(clean: Array, disagreement: ArrayLike) -> Array:
  """Tells whether probabilities are less sure than probes agree, `b[]`.

  Args:
    clean: `f[N, k]`.
    disagreement: `f[]`, the share of rows on which two probes differ.

  >>> bool(is_short(jnp.full((1, 2), 0.5), 0.1))
  True
  """
  return clean.max(1).mean() < 1 - ERRORS * jnp.asarray(disagreement)


def sharpened(clean: Array, disagreement: ArrayLike) -> Array:
  """Raises probabilities to the power that makes them as sure as must be.

  Args:
    clean: `f[N, k]`.
    disagreement: `f[]`, the share of rows on which two probes differ.

  Returns:
    `f[N, k]`, whose mean largest probability is `1 - ERRORS disagreement` or
    what it was, whichever is more.

  >>> found = sharpened(jnp.array([[0.6, 0.4], [0.4, 0.6]]), 0.1)
  >>> [round(x, 2) for x in found[0].tolist()]
  [0.85, 0.15]
  """
  logs = jnp.log(clean + 1e-9)
  least = 1 - ERRORS * jnp.asarray(disagreement)

  def at(power: Array) -> Array:
    return jax.nn.softmax(power * logs, 1)

  def halve(_: Array, ends: tuple[Array, Array]) -> tuple[Array, Array]:
    low, high = ends
    middle = (low + high) / 2
    short = at(middle).max(1).mean() < least
    return jnp.where(short, middle, low), jnp.where(short, high, middle)

  ends = jnp.ones([]), jnp.full([], SHARPEST)
  return at(jax.lax.fori_loop(0, HALVINGS, halve, ends)[1])


def refitted(clean: Array, transition: Array, labels: Array) -> Array:
  """Fits a transition to probabilities by expectation and maximization.

  Args:
    clean: `f[N, k]`, which stay.
    transition: `f[k, k]`, where to start.
    labels: `i[N]`, as given.

  >>> clean = jnp.repeat(jnp.eye(2), 4, 0)
  >>> labels = jnp.array([0, 0, 0, 1, 1, 1, 1, 1])
  >>> found = refitted(clean, jnp.full((2, 2), 0.5), labels)
  >>> [round(x, 2) for x in found[0].tolist()]
  [0.75, 0.25]
  """

  def turn(_: Array, found: Array) -> Array:
    pairs = expected_pairs(posterior(clean, found, labels), labels)
    rate = 1 - jnp.diag(pairs) / (pairs.sum(1) + 1e-6)
    rate = (1 - COMMON) * rate + COMMON * rate.mean()
    return compose(rate, sparse(pairs))

  return jax.lax.fori_loop(0, ROUNDS, turn, transition)
