"""Coresets: rows of the data that stand for the rest, class by class.

Each function returns row numbers ordered by class, `ipc` for every class. Rows
of weight 0 are never chosen.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
from jax import Array
import numpy as np

from rdd_jax.core.errors import UserError
from rdd_jax.core.keys import named

Rows = np.ndarray | Array


def random(
  key: Array,
  labels: Rows,
  ipc: int,
  num_classes: int,
  weights: Rows | None = None,
) -> np.ndarray:
  """Returns uniformly drawn rows, without replacement while there are enough.

  Args:
    key: typed key.
    labels: `i[n]`, the labels as given.
    ipc: rows for each class; those of a class that has fewer come again.
    num_classes: the number of classes.
    weights: `f[n]`; only whether a weight is 0 matters.

  Returns:
    `i[num_classes * ipc]`.

  Raises:
    UserError: if a class has no row.

  >>> random(jax.random.key(0), np.array([1, 0]), 1, 2).tolist()
  [1, 0]
  """
  labels = np.asarray(labels)
  draws = np.asarray(jax.random.uniform(named(key, 'random'), labels.shape))
  return _by_class(
    lambda rows, n: rows[np.argsort(draws[rows], kind='stable')[:n]],
    labels,
    ipc,
    num_classes,
    weights,
  )


def herding(
  features: Rows,
  labels: Rows,
  ipc: int,
  num_classes: int,
  weights: Rows | None = None,
) -> np.ndarray:
  """Returns rows whose running mean stays nearest to the mean of their class.

  Greedy, without replacement (Welling, 2009; iCaRL, Algorithm 4).

  Args:
    features: `f[n, d]`; of a network, or pixels.
    labels: as in `random`.
    ipc: as in `random`.
    num_classes: as in `random`.
    weights: as in `random`.

  Returns:
    `i[num_classes * ipc]`, in the order of choice within each class.

  Raises:
    UserError: if a class has no row.

  >>> herding(np.array([[0.0], [1.0], [2.0]]), np.zeros(3, int), 1, 1).tolist()
  [1]
  """
  features = np.asarray(features)

  def choose(rows: np.ndarray, n: int) -> np.ndarray:
    x = features[rows].astype(np.float64)
    mean, square = x.mean(0), (x * x).sum(1)
    total, chosen = np.zeros_like(mean), np.empty(n, int)
    for k in range(n):
      # |(k + 1) mean - total - x|^2, less what does not depend on the row
      distance = square - x @ (2 * ((k + 1) * mean - total))
      distance[chosen[:k]] = np.inf
      chosen[k] = distance.argmin()
      total += x[chosen[k]]
    return rows[chosen]

  return _by_class(choose, labels, ipc, num_classes, weights)


def k_center(
  features: Rows,
  labels: Rows,
  ipc: int,
  num_classes: int,
  weights: Rows | None = None,
) -> np.ndarray:
  """Returns rows that leave no row of their class far from a chosen one.

  Greedy farthest-first traversal (Sener & Savarese, 2018, Algorithm 1), from
  the row nearest to the mean of the class.

  Args:
    features: as in `herding`.
    labels: as in `random`.
    ipc: as in `random`.
    num_classes: as in `random`.
    weights: as in `random`.

  Returns:
    `i[num_classes * ipc]`, in the order of choice within each class.

  Raises:
    UserError: if a class has no row.

  >>> k_center(np.array([[0.0], [1.0], [3.0]]), np.zeros(3, int), 2, 1).tolist()
  [1, 2]
  """
  features = np.asarray(features)

  def choose(rows: np.ndarray, n: int) -> np.ndarray:
    x = features[rows].astype(np.float64)
    square = (x * x).sum(1)

    def distance(point: np.ndarray) -> np.ndarray:
      return square - x @ (2 * point) + point @ point

    chosen = np.empty(n, int)
    chosen[0] = distance(x.mean(0)).argmin()
    nearest = np.full(len(x), np.inf)
    for k in range(1, n):
      nearest = np.minimum(nearest, distance(x[chosen[k - 1]]))
      nearest[chosen[:k]] = -np.inf
      chosen[k] = nearest.argmax()
    return rows[chosen]

  return _by_class(choose, labels, ipc, num_classes, weights)


def whole(
  labels: Rows, num_classes: int, weights: Rows | None = None
) -> np.ndarray:
  """Returns every row, `i[<= n]`: the full training set, class by class.

  Args:
    labels: `i[n]`, the labels as given.
    num_classes: the number of classes.
    weights: `f[n]`; rows of weight 0 are left out.

  >>> whole(np.array([1, 0, 1]), 2).tolist()
  [1, 0, 2]
  """
  return _by_class(lambda rows, _: rows, labels, 0, num_classes, weights)


def _by_class(
  choose: Callable[[np.ndarray, int], np.ndarray],
  labels: Rows,
  ipc: int,
  num_classes: int,
  weights: Rows | None,
) -> np.ndarray:
  """Applies `choose: rows of a class, n -> n of them` to each class."""
  labels = np.asarray(labels)
  valid = np.full(len(labels), True)
  if weights is not None:
    valid = np.asarray(weights) > 0
  chosen = []
  for c in range(num_classes):
    rows = np.flatnonzero((labels == c) & valid)
    if ipc and not len(rows):
      raise UserError(
        f'class {c} has no row to choose from; trust more rows, or remove it'
      )
    found = choose(rows, min(ipc, len(rows)))
    chosen.append(np.resize(found, max(ipc, len(found))))
  return np.concatenate(chosen)
