"""Cross-fitted probes: no row is asked of a probe that trained on it.

Ridge regression of labels on features, once for each fold without its rows.
The folds' matrices differ from that of all rows by their own share, so that
all of them cost little more than one.

Chernozhukov et al., Double/Debiased Machine Learning, The Econometrics Journal
2018 (cross-fitting); Northcutt et al., JAIR 2021 (for label noise).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import chex
import jax
from jax import Array
import jax.numpy as jnp

FOLDS = 4
RIDGES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)  # that are tried
NEGLIGIBLE = 1e-4  # of a mean product of features: rounding is less
LARGE = 2000  # features: beyond, ridges are compared on one fold alone


class Folds(NamedTuple):
  """Rows by fold, each label spread evenly over the folds.

  Attributes:
    rows: `i[FOLDS, ceil(N / FOLDS)]`, filled with `N`, which is no row.
    halves: `i[2, N // 2]`, rows of even and of odd folds.
  """

  rows: Array
  halves: Array


@jax.jit
def folds(key: Array, labels: Array) -> Folds:
  """Deals rows out to folds at random, label by label.

  Args:
    key: a random key.
    labels: `i[N]`.

  >>> folds(jax.random.key(0), jnp.array([0, 1, 0, 1])).halves.shape
  (2, 2)
  """
  n = labels.shape[0]
  order = jnp.lexsort((jax.random.uniform(key, (n,)), labels))
  filled = jnp.pad(order, (0, -n % FOLDS), constant_values=n)
  half = n // 2
  halves = jnp.stack([order[0::2][:half], order[1::2][:half]])
  return Folds(filled.reshape(-1, FOLDS).T, halves)


# From a fold and a ridge to what its rows are scored by a probe of all others;
# and from another fold, the fold and a ridge, by a probe of that one alone.
Regression = tuple[
  Callable[[Array, Array], Array], Callable[[Array, Array, Array], Array]
]


class Scores(NamedTuple):
  """What cross-fitted probes say.

  Attributes:
    scores: `f[N, k]`, the regression of one-hot labels; means over rows are
      the labels' shares.
    ridge: `f[]`, that was chosen.
    error: `f[]`, the mean squared error.
    agreement: `f[]`, the share of rows whose label has the highest score.
    disagreement: `f[]`, the share of rows on which the highest scores of two
      probes differ, of one fold each.
  """

  scores: Array
  ridge: Array
  error: Array
  agreement: Array
  disagreement: Array


def probe(features: Array, labels: Array, rows: Array, k: int) -> Scores:
  """Regresses labels on features, by the ridge of the least held-out error.

  Where there are more features than rows, it is solved for the rows, from the
  products of their features: the regression is the same.

  Args:
    features: `f[N, d]`, each of mean zero.
    labels: `i[N]`.
    rows: `i[FOLDS, r]`, of each fold; others than `[0, N)` are none.
    k: the number of classes.
  """
  chex.assert_rank([features, labels, rows], [2, 1, 2])
  n, d = features.shape
  targets = jax.nn.one_hot(labels, k)
  share = targets.mean(0)
  targets = targets - share[None]
  regress = _by_rows if d > n else _by_features
  without, alone = regress(features, targets, rows)

  asked = jnp.arange(1 if min(n, d) > LARGE else FOLDS)

  def error(ridge: Array) -> Array:
    def of(fold: Array) -> Array:
      off = without(fold, ridge) - _take(targets, rows[fold])
      return jnp.where((rows[fold] < n)[:, None], off**2, 0.0).sum()

    return jax.lax.map(of, asked).sum()

  errors = jax.lax.map(error, jnp.asarray(RIDGES))
  ridge = jnp.asarray(RIDGES)[jnp.nanargmin(errors)]
  found = jax.lax.map(lambda i: without(i, ridge), jnp.arange(FOLDS))
  held_out = jnp.zeros((n, k)).at[rows].set(found, mode='drop')
  mean_error = ((held_out - targets) ** 2).sum(1).mean()
  held_out = held_out + share[None]
  agreement = (held_out.argmax(1) == labels).mean()

  def differ(fold: Array) -> Array:
    def of(other: Array) -> Array:
      return (alone(other, fold, ridge) + share[None]).argmax(1)

    said = jax.lax.map(of, (fold + jnp.arange(1, FOLDS)) % FOLDS)
    off = (said != jnp.roll(said, 1, 0)).mean(0)
    return jnp.where(rows[fold] < n, off, 0.0).sum()

  disagreement = jax.lax.map(differ, asked).sum() / (rows[asked] < n).sum()
  return Scores(held_out, ridge, mean_error, agreement, disagreement)


def _by_features(features: Array, targets: Array, rows: Array) -> Regression:
  """Solves `(X' X + ridge) w = X' Y` of some folds, and asks `X w` of one."""

  def of_fold(i: Array) -> tuple[Array, Array]:
    x = _take(features, i)
    return x.T @ x, x.T @ _take(targets, i)

  squares, products = jax.lax.map(of_fold, rows)
  square, product = squares.sum(0), products.sum(0)
  unit = _unit(jnp.trace(square) / square.shape[0])

  def ask(square: Array, product: Array, fold: Array, ridge: Array) -> Array:
    found = _solve(square, product, ridge * unit)
    return _take(features, rows[fold]) @ found

  def without(fold: Array, ridge: Array) -> Array:
    others = square - squares[fold], product - products[fold]
    return ask(*others, fold, ridge)

  def alone(other: Array, fold: Array, ridge: Array) -> Array:
    return ask(squares[other], products[other], fold, ridge)

  return without, alone


def _by_rows(features: Array, targets: Array, rows: Array) -> Regression:
  """Solves `(X X' + ridge) a = Y` of some folds, and asks `X X' a` of one."""
  n = features.shape[0]
  products = features @ features.T
  least = _unit(NEGLIGIBLE * jnp.trace(products) / n)
  products = products + least * jnp.eye(n)
  unit = jnp.trace(products) / n

  def ask(known: Array, fold: Array, ridge: Array) -> Array:
    square = _take(_take(products, known).T, known)
    found = _solve(square, _take(targets, known), ridge * unit)
    return _take(_take(products, rows[fold]).T, known).T @ found

  def without(fold: Array, ridge: Array) -> Array:
    others = (fold + jnp.arange(1, FOLDS)) % FOLDS
    return ask(rows[others].reshape(-1), fold, ridge)

  def alone(other: Array, fold: Array, ridge: Array) -> Array:
    return ask(rows[other], fold, ridge)

  return without, alone


def _take(x: Array, rows: Array) -> Array:
  """Rows of `x`, zeros for those that are none."""
  return x.at[rows].get(mode='fill', fill_value=0)


def _unit(mean: Array) -> Array:
  """What ridges are counted in; 1 of features that say nothing."""
  return jnp.where(mean > 0, mean, 1.0)


def _solve(square: Array, product: Array, ridge: Array) -> Array:
  factor = jnp.linalg.cholesky(square + ridge * jnp.eye(square.shape[0]))
  return jax.scipy.linalg.cho_solve((factor, True), product)
