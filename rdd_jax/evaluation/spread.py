"""How much of its class a set covers, and how unlike its images are.

In the features of a network. Coverage is that of Naeem et al., Reliable
Fidelity and Diversity Metrics for Generative Models, ICML 2020.
"""

from __future__ import annotations

import numpy as np

NEIGHBORS = 5  # whose distance is the radius of a real row
MOST = 2000  # real rows of a class that are compared
NEAR = 0.01  # share of real rows whose nearest neighbor is as near


def spread(
  features: np.ndarray,
  cells: np.ndarray,
  real: np.ndarray,
  real_cells: np.ndarray,
) -> dict[str, float]:
  """Measures how a set lies among real rows, class by class, in the mean.

  Args:
    features: `f[n, d]`, of its images.
    cells: `i[n]`, their classes; others than those of real rows do not count.
    real: `f[m, d]`, of real rows; the first `MOST` of a class are taken.
    real_cells: `i[m]`, their classes.

  Returns:
    `coverage`, real rows that have an image nearer than their `NEIGHBORS`th
    real neighbor; `diversity`, the mean distance of two images over that of two
    real rows; and `duplicates`, images with another one nearer than real rows
    have their nearest neighbor, but for the nearest one in a hundred.

  >>> rng = np.random.default_rng(0)
  >>> real, cells = rng.normal(size=(200, 3)), np.zeros(200, int)
  >>> found = spread(real[:50], cells[:50], real, cells)
  >>> found['coverage'] > 0.5, found['duplicates'] < 0.1
  (True, True)
  """
  from sklearn.metrics import pairwise_distances

  found: dict[str, list[float]] = {
    'coverage': [],
    'diversity': [],
    'duplicates': [],
  }
  for c in np.unique(real_cells):
    own, rows = features[cells == c], real[real_cells == c][:MOST]
    if not len(own) or len(rows) < 3:
      continue
    among = np.sort(_others(pairwise_distances(rows)), 1)
    radius = among[:, min(NEIGHBORS, among.shape[1]) - 1]
    to_set = pairwise_distances(rows, own).min(1)
    found['coverage'].append(float((to_set <= radius).mean()))
    if len(own) > 1:
      inside = _others(pairwise_distances(own))
      found['diversity'].append(float(inside.mean() / among.mean()))
      near = np.quantile(among[:, 0], NEAR)
      found['duplicates'].append(float((inside.min(1) < near).mean()))
  return {name: float(np.mean(x)) for name, x in found.items() if x}


def _others(distances: np.ndarray) -> np.ndarray:
  """A square matrix `[n, n]` without its diagonal, `[n, n - 1]`."""
  n = len(distances)
  return distances[~np.eye(n, dtype=bool)].reshape(n, n - 1)
