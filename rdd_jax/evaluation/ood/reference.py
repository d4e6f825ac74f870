"""Distances of features to those of in-distribution rows.

Squared Mahalanobis distances to class means with a shared covariance (Lee et
al., 2018) and to the mean of all rows (Ren et al., 2021, arXiv:2106.09022), and
distances to near rows (Sun et al., 2022).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from rdd_jax.core.errors import UserError

_BLOCK = 1000  # rows whose distances to a whole reference are held at once


class Reference(NamedTuple):
  """Where features of in-distribution rows lie, in float64.

  Attributes:
    means: `f[c, d]`, of each class that has rows.
    within: `f[d, d]`, lower Cholesky factor of the covariance within classes.
    centre: `f[d]`, the mean of all rows.
    total: `f[d, d]`, lower Cholesky factor of the covariance of all rows.
    units: `f[m, d]`, the rows, each divided by its norm.
    neighbours: which nearest row counts, from 1.
  """

  means: np.ndarray
  within: np.ndarray
  centre: np.ndarray
  total: np.ndarray
  units: np.ndarray
  neighbours: int


class Distances(NamedTuple):
  """How far features are from a reference; each is `f[n]`.

  Attributes:
    nearest: squared Mahalanobis distance to the nearest class mean.
    background: squared Mahalanobis distance to the mean of all rows.
    neighbour: Euclidean distance to a near row, both divided by their norms.
  """

  nearest: np.ndarray
  background: np.ndarray
  neighbour: np.ndarray


def fit(
  features: np.ndarray,
  cells: np.ndarray,
  weights: np.ndarray,
  num_classes: int,
  *,
  shrinkage: float = 0.1,
  neighbours: int | None = None,
) -> Reference:
  """Fits a reference to in-distribution rows, such as the distilled ones.

  A covariance `S` counts as `(1 - a) S + a tr(S) / d I`. Where rows do not
  differ within their classes, as with one row in each and no augmented views,
  the part of `I` in the covariance of all rows stands for that within, so that
  directions in which no rows differ count alike in both distances.

  Args:
    features: `f[m, d]`; several augmented views of a row are several rows.
    cells: `i[m]`, the classes; rows outside `[0, num_classes)` are left out.
    weights: `f[m]`, not negative; rows of weight 0 are left out. The nearest
      neighbours heed no other weights.
    num_classes: the number of classes; those without rows are never nearest.
    shrinkage: `a`, in (0, 1]; 0.1 in all tables. Lee et al. shrink nothing.
    neighbours: which nearest neighbour counts, from 1; the square root of the
      number of rows by default.

  Raises:
    UserError: if no row is left, or `neighbours` is not one of them.
  """
  cells, weights = np.asarray(cells), np.asarray(weights, np.float64)
  inside = (cells >= 0) & (cells < num_classes) & (weights > 0)
  if not inside.any():
    raise UserError(
      'no in-distribution row to compare features with: give at least one of '
      f'positive weight in a cell below num_classes={num_classes}'
    )
  x = np.asarray(features, np.float64)
  finite = inside & np.isfinite(x).all(-1)
  if finite.any():
    inside = finite
  else:
    x = np.zeros_like(x)  # The network diverged: it scores NaN anyway.
  x, cells, weights = x[inside], cells[inside], weights[inside]
  if neighbours is None:
    neighbours = max(1, round(math.sqrt(len(x))))
  if not 1 <= neighbours <= len(x):
    raise UserError(
      f'neighbours={neighbours} of {len(x)} in-distribution rows: '
      f'give a number from 1 to {len(x)}'
    )
  kinds, which = np.unique(cells, return_inverse=True)
  members = np.equal(which, np.arange(len(kinds))[:, None]) * weights
  means = members @ x / members.sum(-1, keepdims=True)
  centre = weights @ x / weights.sum()
  # Rounding of a mean leaves a variance of 1e-32 or so where there is none.
  least = 1e-20 * np.square(x).mean()
  total, ridge = _factor(x - centre, weights, shrinkage, least, 1.0)
  within, _ = _factor(x - means[which], weights, shrinkage, least, ridge)
  return Reference(means, within, centre, total, _units(x), neighbours)


def _factor(
  residuals: np.ndarray,
  weights: np.ndarray,
  shrinkage: float,
  least: float,
  fallback: float,
) -> tuple[np.ndarray, float]:
  """Cholesky factor of the shrunk covariance, and the part of `I` in it.

  `fallback` times `I` where the mean variance is no more than `least`.
  """
  from scipy import linalg

  d = residuals.shape[1]
  covariance = (residuals.T * weights) @ residuals / weights.sum()
  variance = float(np.trace(covariance) / d)
  if variance <= least:
    return math.sqrt(fallback) * np.eye(d), fallback
  ridge = shrinkage * variance
  covariance *= 1 - shrinkage
  covariance[np.diag_indices(d)] += ridge
  return linalg.cholesky(covariance, lower=True), ridge


def distances(features: np.ndarray, reference: Reference) -> Distances:
  """Measures how far features are from a reference.

  Args:
    features: `f[n, d]`.
    reference: of the same network.

  >>> rows = np.array([[1.0, 0.0], [0.0, 1.0]])
  >>> reference = fit(rows, np.array([0, 1]), np.ones(2), 2, neighbours=1)
  >>> distances(rows, reference).nearest
  array([0., 0.])
  """
  from scipy import linalg
  from scipy.spatial import distance

  x, centre = np.asarray(features, np.float64), reference.centre

  def whiten(rows: np.ndarray, factor: np.ndarray) -> np.ndarray:
    # Unchecked: NaN stays in its row.
    return linalg.solve_triangular(
      factor, (rows - centre).T, lower=True, check_finite=False
    ).T

  anchors = whiten(reference.means, reference.within)
  to_means = distance.cdist(whiten(x, reference.within), anchors, 'sqeuclidean')
  background = np.square(whiten(x, reference.total)).sum(-1)
  blocks = np.split(_units(x), range(_BLOCK, len(x), _BLOCK))
  neighbour = np.concatenate([_neighbour(b, reference) for b in blocks])
  return Distances(to_means.min(-1), background, neighbour)


def _units(x: np.ndarray) -> np.ndarray:
  """Each row divided by its norm; rows of zeros stay."""
  norms = np.linalg.norm(x, axis=-1, keepdims=True)
  return x / np.where(norms == 0, 1, norms)


def _neighbour(units: np.ndarray, reference: Reference) -> np.ndarray:
  theirs, k = reference.units, reference.neighbours
  lengths = np.add.outer(np.square(units).sum(-1), np.square(theirs).sum(-1))
  square = np.partition(lengths - 2 * units @ theirs.T, k - 1, -1)[:, k - 1]
  return np.sqrt(np.maximum(square, 0))
