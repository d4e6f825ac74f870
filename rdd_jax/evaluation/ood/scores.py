"""Scores of how in-distribution a row is, from a network's outputs for it.

All are larger where a row is more in-distribution. A network with one output
more than there are classes has a reject class, the last: its logit counts
against a row. Rows that a diverged network gives NaN are scored NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from rdd_jax.core.errors import UserError
from rdd_jax.evaluation.ood.combined import (
  Outputs,
  Typical,
  combined,
  typical,
)
from rdd_jax.evaluation.ood.guarded import guarded
from rdd_jax.evaluation.ood.reference import (
  Distances,
  Reference,
  distances,
  fit,
)

__all__ = [
  'FEATURE_SCORES',
  'LOGIT_SCORES',
  'Outputs',
  'Reference',
  'contrast',
  'energy',
  'entropy',
  'fit',
  'max_logit',
  'msp',
  'score_all',
  'typical',
]


def msp(classes: np.ndarray, reject: np.ndarray | None = None) -> np.ndarray:
  """Returns the log of the largest probability of a class.

  A reject class takes its share of the softmax. The logarithm ranks rows as the
  probability does, without the ties of probabilities that round to 1.

  Args:
    classes: logits `f64[n, k]`.
    reject: logit `f64[n]` of the reject class.

  Returns:
    `f64[n]`.

  Source: Hendrycks and Gimpel, A Baseline for Detecting Misclassified and
    Out-of-Distribution Examples in Neural Networks, ICLR 2017.

  >>> np.exp(msp(np.log([[0.75, 0.25]]))).round(3)
  array([0.75])
  """
  others = classes.copy()
  top = classes.argmax(-1)[:, None]
  np.put_along_axis(others, top, -np.inf, -1)
  if reject is not None:
    others = np.concatenate([others, reject[:, None]], -1)
  return -np.logaddexp(0, np.logaddexp.reduce(others, -1) - classes.max(-1))


def max_logit(
  classes: np.ndarray, reject: np.ndarray | None = None
) -> np.ndarray:
  """Returns the largest logit, less the reject logit.

  Args:
    classes: logits `f64[n, k]`.
    reject: logit `f64[n]` of the reject class.

  Source: Hendrycks et al., Scaling Out-of-Distribution Detection for Real-World
    Settings, ICML 2022.

  >>> max_logit(np.array([[2.0, 1.0]]), np.array([0.5]))
  array([1.5])
  """
  return classes.max(-1) - (0 if reject is None else reject)


def energy(classes: np.ndarray, reject: np.ndarray | None = None) -> np.ndarray:
  """Returns `log sum_c exp(f_c)`, less the reject logit.

  With a reject class it is the log-odds that a row has a class at all, which is
  the score that networks trained with one are meant to be read by.

  Args:
    classes: logits `f64[n, k]`.
    reject: logit `f64[n]` of the reject class.

  Source: Liu et al., Energy-based Out-of-distribution Detection, NeurIPS 2020,
    eq. 4, at temperature 1 and with the sign turned.

  >>> energy(np.log([[3.0, 1.0]]), np.log([2.0])).round(3)  # log(4 / 2)
  array([0.693])
  """
  return np.logaddexp.reduce(classes, -1) - (0 if reject is None else reject)


def entropy(
  classes: np.ndarray, reject: np.ndarray | None = None
) -> np.ndarray:
  """Returns minus the entropy, in nats, of the class, given that it has one.

  Args:
    classes: logits `f64[n, k]`.
    reject: unused.

  >>> entropy(np.zeros((1, 2))).round(3)  # -log 2
  array([-0.693])
  """
  from scipy import special

  del reject
  return -special.entr(special.softmax(classes, -1)).sum(-1)


def contrast(classes: np.ndarray) -> np.ndarray:
  """Returns the cross-entropy of the uniform distribution.

  `log sum_c exp(f_c) - mean_c f_c`.

  What outlier exposure makes small on outliers. With a reject class nothing is
  uniform, and `score_all` leaves it out.

  >>> contrast(np.zeros((1, 2))).round(3)
  array([0.693])
  """
  return np.logaddexp.reduce(classes, -1) - classes.mean(-1)


LOGIT_SCORES: Mapping[
  str, Callable[[np.ndarray, np.ndarray | None], np.ndarray]
] = {
  'msp': msp,
  'max_logit': max_logit,
  'energy': energy,
  'entropy': entropy,
}

# Lee et al. (2018); Ren et al. (2021, arXiv:2106.09022); Sun et al. (2022).
FEATURE_SCORES: Mapping[str, Callable[[Distances], np.ndarray]] = {
  'mahalanobis': lambda d: -d.nearest,
  'relative_mahalanobis': lambda d: d.background - d.nearest,
  'knn': lambda d: -d.neighbour,
}


def score_all(
  outputs: Outputs,
  num_classes: int,
  reference: Reference | None = None,
  usual: Typical | None = None,
  limit: float | None = None,
) -> dict[str, np.ndarray]:
  """Computes every score that there is for these outputs, by name.

  Args:
    outputs: of a network, with or without a reject class.
    num_classes: the number of classes.
    reference: of the same network; without one, `FEATURE_SCORES` are left out.
    usual: see `combined`; without one, or a reference, `statistics` and
      `combined` are left out.
    limit: of the statistics, see `guarded`, which is left out without one.

  Returns:
    Scores `f64[n]`: `LOGIT_SCORES`, `contrast` unless there is a reject class,
    `FEATURE_SCORES`, `statistics`, minus the squared Mahalanobis distance of
    the statistics of convolutions, `combined`, and `guarded`.

  Raises:
    UserError: if there are neither as many logits as classes nor one more.

  >>> outputs = Outputs(np.zeros((1, 3)), np.zeros((1, 2)))
  >>> list(score_all(outputs, num_classes=2))
  ['msp', 'max_logit', 'energy', 'entropy']
  """
  logits = np.asarray(outputs.logits, np.float64)
  extra = logits.shape[-1] - num_classes
  if extra not in (0, 1):
    raise UserError(
      f'{logits.shape[-1]} logits for num_classes={num_classes}: give as many '
      'as classes, or one more for a reject class'
    )
  classes, reject = logits[:, :num_classes], logits[:, -1] if extra else None
  with np.errstate(invalid='ignore'):
    scores = {name: fn(classes, reject) for name, fn in LOGIT_SCORES.items()}
    if reject is None:
      scores['contrast'] = contrast(classes)
    if reference is not None:
      found = distances(outputs.features, reference)
      scores |= {name: fn(found) for name, fn in FEATURE_SCORES.items()}
    if reference is not None and usual is not None:
      apart = distances(np.asarray(outputs.statistics), usual.statistics)
      scores['statistics'] = -apart.background
      scores['combined'] = combined(outputs, num_classes, reference, usual)
      if limit is not None:
        far = apart.background
        scores['guarded'] = guarded(energy(classes), far, limit)
  return scores
