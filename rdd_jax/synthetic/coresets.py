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


def hardest(
  key: Array,
  scores: Rows,
  labels: Rows,
  ipc: int,
  num_classes: int,
  weights: Rows | None = None,
) -> np.ndarray:
  """Returns the rows of the highest scores, as EL2N and forgetting keep them.

  Args:
    key: typed key; rows of one score are in the order of a draw.
    scores: `f[n]`, see `difficulty`; infinite ones are highest.
    labels: as in `random`.
    ipc: as in `random`.
    num_classes: as in `random`.
    weights: as in `random`.

  Returns:
    `i[num_classes * ipc]`, the hardest first within each class.

  Raises:
    UserError: if a class has no row.

  Deviations: both papers take the hardest rows of all classes together.

  Source: Paul et al., NeurIPS 2021; Toneva et al., ICLR 2019.

  >>> scores = np.array([0.1, 0.9, 0.5])
  >>> hardest(jax.random.key(0), scores, np.zeros(3, int), 2, 1).tolist()
  [1, 2]
  """
  scores = np.asarray(scores)
  draws = np.asarray(jax.random.uniform(named(key, 'ties'), scores.shape))
  return _by_class(
    lambda rows, n: rows[np.lexsort((draws[rows], -scores[rows]))[:n]],
    labels,
    ipc,
    num_classes,
    weights,
  )


def ccs(
  key: Array,
  scores: Rows,
  labels: Rows,
  ipc: int,
  num_classes: int,
  weights: Rows | None = None,
  *,
  beta: float = 0.3,
  strata: int = 50,
) -> np.ndarray:
  """Returns rows that cover all scores but the highest: CCS.

  The hardest share `beta` is left out, the range of the others is cut into
  strata of equal width, and the rows still to choose are shared out equally
  among the strata that are left, the smallest first.

  Args:
    key: typed key, of the draws within strata.
    scores: `f[n]`, finite, see `difficulty`; the paper's is minus AUM.
    labels: as in `random`.
    ipc: as in `random`.
    num_classes: as in `random`.
    weights: as in `random`.
    beta: as the authors' code has it for a tenth of CIFAR-10; the paper
      searches it for each size. At least `ipc` rows stay.
    strata: k, at most; empty ones do not count.

  Returns:
    `i[num_classes * ipc]`.

  Raises:
    UserError: if a class has no row.

  Deviations: class by class, where the paper stratifies all classes together.

  Source: Zheng et al., Coverage-centric Coreset Selection for High Pruning
    Rates, ICLR 2023, algorithm 1.

  >>> scores = np.array([0.0, 0.1, 0.2, 9.0])
  >>> ccs(jax.random.key(0), scores, np.zeros(4, int), 3, 1).tolist()
  [0, 1, 2]
  """
  scores, labels = np.asarray(scores, np.float64), np.asarray(labels)
  draws = np.asarray(jax.random.uniform(named(key, 'ccs'), scores.shape))

  def choose(rows: np.ndarray, n: int) -> np.ndarray:
    order = rows[np.argsort(scores[rows], kind='stable')]
    kept = order[: max(len(order) - int(beta * len(order)), n)]
    low, high = scores[kept[0]], scores[kept[-1]]
    width = (high - low) / strata or 1.0
    which = np.minimum((scores[kept] - low) // width, strata - 1)
    parts = [kept[which == s] for s in np.unique(which)]
    chosen = []
    for left, part in enumerate(sorted(parts, key=len)):
      share = min(len(part), n // (len(parts) - left))
      chosen.append(part[np.argsort(draws[part], kind='stable')[:share]])
      n -= share
    return np.sort(np.concatenate(chosen))

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
