"""One score of logits, features and the statistics of all convolutions.

Logits and features are blind to what the classes do not differ in: flat
drawings on black can look more like a class than its own test images do. The
means and deviations of the channels, from the first convolution on, see that.

Deviations:
  Lee et al. (NeurIPS 2018) add up Mahalanobis distances of the channel means of
  all layers by weights that are learned on out-of-distribution images. Here
  deviations stand beside the means, one distance is taken of all of them
  together, and every term counts in units of its own deviation over augmented
  views of the training set, so that nothing is learned.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rdd_jax.evaluation.ood.reference import Reference, distances, fit


class Outputs(NamedTuple):
  """Outputs of a network.

  Attributes:
    logits: `f[n, o]`.
    features: `f[n, d]`, of the head.
    statistics: `f[n, s]`, see `networks.apply_with_statistics`; None leaves out
      the scores that need them.
  """

  logits: np.ndarray
  features: np.ndarray
  statistics: np.ndarray | None = None


class Typical(NamedTuple):
  """What the terms of the combined score are on a training set.

  Attributes:
    statistics: of its views.
    means: `f[4]`, of each term over the views.
    scales: `f[4]`, its standard deviations; 1 where it does not vary.
  """

  statistics: Reference
  means: np.ndarray
  scales: np.ndarray


def typical(
  views: Outputs,
  cells: np.ndarray,
  weights: np.ndarray,
  num_classes: int,
  features: Reference,
) -> Typical | None:
  """Measures the terms of the combined score on views of a training set.

  Args:
    views: outputs for its in-distribution rows, augmented.
    cells: `i[m]`, their classes.
    weights: `f[m]`, positive.
    num_classes: the number of classes.
    features: the reference that is fitted to the features of the views.

  Returns:
    None for a network without convolutions.
  """
  if views.statistics is None or not views.statistics.shape[1]:
    return None
  statistics = fit(views.statistics, cells, weights, num_classes)
  with np.errstate(invalid='ignore'):
    found = _terms(views, num_classes, features, statistics)
  finite = np.isfinite(found).all(1)
  if not finite.any():  # the network diverged, and scores NaN anyway
    return Typical(statistics, np.zeros(4), np.ones(4))
  found, weights = found[finite], np.asarray(weights)[finite]
  means = np.average(found, axis=0, weights=weights)
  variances = np.average(np.square(found - means), axis=0, weights=weights)
  varies = variances > 1e-12 * (1 + np.square(means))
  return Typical(statistics, means, np.sqrt(np.where(varies, variances, 1.0)))


def combined(
  outputs: Outputs, num_classes: int, features: Reference, usual: Typical
) -> np.ndarray:
  """Returns the sum of what logits, features and statistics say of a row.

  `min(z(E), z(E - r)) - z(log(1 + M / d)) - z(log(1 + S / s))`, with the energy
  `E` of the classes, the logit `r` of a reject class, which so counts against a
  row and never for it, and squared Mahalanobis distances `M` of the features to
  the nearest class and `S` of the statistics. `z` subtracts the mean over the
  views of the training set, and divides by the standard deviation.

  Args:
    outputs: of the network, with statistics.
    num_classes: the number of classes.
    features: the reference of the network's features.
    usual: what `typical` measured.

  Returns:
    `f64[n]`, larger where a row is more in-distribution.
  """
  found = _terms(outputs, num_classes, features, usual.statistics)
  z = (found - usual.means) / usual.scales
  return np.minimum(z[:, 0], z[:, 1]) + z[:, 2] + z[:, 3]


def _terms(
  outputs: Outputs, num_classes: int, features: Reference, statistics: Reference
) -> np.ndarray:
  """`f64[n, 4]`: E, E - r, -log(1 + M / d) and -log(1 + S / s)."""
  logits = np.asarray(outputs.logits, np.float64)
  energy = np.logaddexp.reduce(logits[:, :num_classes], -1)
  reject = logits[:, num_classes:].sum(-1)  # 0 without one
  nearest = distances(outputs.features, features).nearest
  far = distances(np.asarray(outputs.statistics), statistics).background
  return np.stack(
    [
      energy,
      energy - reject,
      -np.log1p(nearest / outputs.features.shape[1]),
      -np.log1p(far / statistics.means.shape[1]),
    ],
    axis=1,
  )
