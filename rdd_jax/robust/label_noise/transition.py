"""Which labels are given to which classes, and what follows for a row.

A transition matrix `T[i, j] = P(given j | true i)`, and the probabilities of
the true class that a held-out probe gives, `p`, say by Bayes' rule what the
true class of a row is, given its label: `P(i | x, j) ~ p_i T[i, j]`.

Class-conditional noise: Patrini et al., CVPR 2017. Counting the labels of
confidently scored rows: Northcutt et al., Confident Learning, JAIR 2021.

Deviations:
  Confident rows are a share of those scored as a class, not those above the
  mean score of its label. Wrong labels that are rare are spread evenly.
"""

from __future__ import annotations

import chex
import jax
from jax import Array
import jax.numpy as jnp

from rdd_jax.core.numerics import safe_divide

RARE = 0.08  # of a class's wrong labels: rarer pairs are taken as alike
CONFIDENT = 0.2  # of the rows scored as a class, those that are looked at


def posterior(clean: Array, transition: Array, labels: Array) -> Array:
  """Computes the probability of each true class given a row and its label.

  Args:
    clean: `f[N, k]`, without the label.
    transition: `f[k, k]`, `P(given j | true i)`.
    labels: `i[N]`, as given.

  Returns:
    `f[N, k]`, rows summing to one; of a label that no class can be given, and
    of a row that is not finite, zeros.

  >>> clean = jnp.array([[0.5, 0.5]])
  >>> transition = jnp.array([[0.75, 0.25], [0.25, 0.75]])
  >>> posterior(clean, transition, jnp.array([1])).tolist()
  [[0.25, 0.75]]
  """
  chex.assert_rank([clean, transition], 2)
  joint = clean * transition[:, labels].T
  finite = jnp.isfinite(joint).all(1, keepdims=True)
  joint = jnp.where(finite, joint, 0.0)
  return safe_divide(joint, joint.sum(1, keepdims=True))


def compose(rate: Array, among: Array) -> Array:
  """Returns the transition of classes that keep their label but for a rate.

  Args:
    rate: `f[k]`, of wrong labels in each true class.
    among: `f[k, k]`, how these fall to the other classes; the diagonal is 0.

  >>> compose(jnp.array([0.25, 0.0]), 1 - jnp.eye(2)).tolist()
  [[0.75, 0.25], [0.0, 1.0]]
  """
  return jnp.diag(1 - rate) + rate[:, None] * among


def expected_pairs(chance: Array, labels: Array) -> Array:
  """Counts the expected pairs of true class and given label, `f[k, k]`.

  Args:
    chance: `f[N, k]`, of the true class.
    labels: `i[N]`, as given.

  >>> expected_pairs(jnp.array([[0.5, 0.5]]), jnp.array([1])).tolist()
  [[0.0, 0.5], [0.0, 0.5]]
  """
  k = chance.shape[1]
  return jax.ops.segment_sum(chance, labels, k).T


def confident(scores: Array, labels: Array, share: float = CONFIDENT) -> Array:
  """Returns how the labels of confidently scored rows fall, `f[k, k]`.

  Args:
    scores: `f[N, k]`, held out.
    labels: `i[N]`, as given.
    share: of the rows that are scored as a class, those of the highest score.

  Returns:
    Shares among the other classes of the labels that rows scored as class i
    have, made sparse.
  """
  k = scores.shape[1]
  best, found = scores.max(1), scores.argmax(1)
  order = jnp.lexsort((-best, found))
  start = jnp.searchsorted(found[order], jnp.arange(k))
  place = jnp.zeros_like(found).at[order].set(jnp.arange(len(found)))
  count = jnp.bincount(found, length=k)
  looked_at = place - start[found] < jnp.maximum(share * count[found], 5)
  pairs = jnp.full((k, k), 0.1).at[found, labels].add(looked_at)
  return sparse(pairs)


def sparse(pairs: Array) -> Array:
  """Returns shares among other classes, those below `RARE` made alike.

  Args:
    pairs: `f[k, k]`, counts of true class and given label.
  """
  k = pairs.shape[0]
  off = pairs * (1 - jnp.eye(k)) + 1e-6 * even(k)
  shares = off / off.sum(1, keepdims=True)
  kept = jnp.where(shares >= RARE, shares, 0.0)
  return kept + (1 - kept.sum(1, keepdims=True)) * even(k)


def even(k: int) -> Array:
  """Returns equal shares among the other classes, `f[k, k]`.

  Args:
    k: the number of classes.

  >>> even(3)[0].tolist()
  [0.0, 0.5, 0.5]
  """
  return (1 - jnp.eye(k)) / max(k - 1, 1)
