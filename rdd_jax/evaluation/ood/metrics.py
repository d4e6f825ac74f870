"""Metrics of out-of-distribution detection: AUROC, AUPR, FPR95.

FPR95 names two numbers. `fpr95_in` sets the threshold where 95 % of the
in-distribution rows are accepted, and counts the others that are accepted too:
so in the code of ODIN (facebookresearch/odin at 64e9796, `calMetric.py`) and,
by default, of energy scores (wetliu/energy_ood at 77f3c09, `CIFAR/test.py`).
`fpr95_out` sets it where 95 % of the others are detected, and counts the
in-distribution rows that are refused: so in the code of outlier exposure
(hendrycks/outlier-exposure at e6ede98, `utils/display_results.py`), OpenOOD 1.5
(at 3c35632, `openood/evaluators/metrics.py`) and pytorch-ood 0.4.0
(`metrics/functional.py`). Outlier exposure takes the threshold whose recall is
nearest to 95 %, not the first that reaches it.

AUPR here is average precision, as outlier exposure's; OpenOOD and pytorch-ood
integrate by trapezoids, which `aupr_in_trapezoid` and `aupr_out_trapezoid` are.

Scores are larger where a row is more in-distribution. Ties count as ties: a
threshold accepts all rows of one score or none. A network that diverged scores
NaN, and NaN counts as `-inf`, the least in-distribution score there is, so that
the evaluation of the others goes on.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rdd_jax.core.errors import UserError


class Accepted(NamedTuple):
  """Rows that are accepted at every threshold, strictest first: `i[t]`.

  The first threshold accepts nothing, the last one all; rows of one score are
  accepted together.
  """

  positive: np.ndarray
  negative: np.ndarray

  def swapped(self) -> Accepted:
    """Returns the same of minus the scores, by which the others are sought."""
    both = (self.negative, self.positive)
    return Accepted(*((n[-1] - n)[::-1] for n in both))


def auroc(inside: np.ndarray, outside: np.ndarray) -> float:
  """Returns the chance that an in-distribution row scores above another.

  `P(s_in > s_out) + P(s_in = s_out) / 2`.

  Args:
    inside: scores `f[n]` of in-distribution rows.
    outside: scores `f[m]` of out-of-distribution rows.

  Raises:
    UserError: if either is empty or not flat.

  >>> auroc(np.array([3.0, 2.0]), np.array([2.0, 1.0]))
  0.875
  """
  return _auroc(accepted(inside, outside))


def aupr(positive: np.ndarray, negative: np.ndarray) -> float:
  """Returns the average precision, `sum_t (R_t - R_(t-1)) P_t`.

  Without interpolation; it depends on how many rows of each kind there are.
  AUPR-in is `aupr(inside, outside)`, and AUPR-out is `aupr(-outside, -inside)`.

  Args:
    positive: scores `f[n]`.
    negative: scores `f[m]`, smaller where rows are told apart well.

  Raises:
    UserError: if either is empty or not flat.

  >>> aupr(np.array([3.0, 1.0]), np.array([2.0]))
  0.8333333333333333
  """
  return _aupr(accepted(positive, negative, ('positive', 'negative')))


def roc(
  inside: np.ndarray, outside: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Returns false and true positive rates at every threshold, strictest first.

  Args:
    inside: scores `f[n]` of in-distribution rows, the positives.
    outside: scores `f[m]` of out-of-distribution rows.

  Returns:
    `(f[t], f[t])`.

  Raises:
    UserError: if either is empty or not flat.

  >>> false, true = roc(np.array([3.0, 2.0]), np.array([2.0, 1.0]))
  >>> false.tolist(), true.tolist()
  ([0.0, 0.0, 0.5, 1.0], [0.0, 0.5, 1.0, 1.0])
  """
  true, false = accepted(inside, outside)
  return false / false[-1], true / true[-1]


def fpr_at(inside: np.ndarray, outside: np.ndarray, tpr: float = 0.95) -> float:
  """Returns the false positive rate where the true one is at least `tpr`.

  At the strictest threshold that accepts at least that share of the
  in-distribution rows; rows on the threshold are accepted. `fpr95_in` is the
  default, and `fpr95_out` is `fpr_at(-outside, -inside)`, the share of
  in-distribution rows that are refused where 95 % of the others are.

  Args:
    inside: scores `f[n]` of in-distribution rows.
    outside: scores `f[m]` of out-of-distribution rows.
    tpr: in (0, 1].

  Raises:
    UserError: if either is empty or not flat.

  >>> fpr_at(np.array([3.0, 2.0]), np.array([2.0, 1.0]))
  0.5
  """
  return _fpr(accepted(inside, outside), tpr)


def accepted(
  positive: np.ndarray,
  negative: np.ndarray,
  names: tuple[str, str] = ('inside', 'outside'),
) -> Accepted:
  """Counts the rows at every threshold, from which all metrics follow.

  Args:
    positive: scores `f[n]`.
    negative: scores `f[m]`.
    names: of the two in errors.

  Raises:
    UserError: if either is empty or not flat.

  >>> accepted(np.array([3.0, 2.0]), np.array([2.0, 1.0])).negative
  array([0, 0, 1, 2])
  """
  both = [
    _ready(s, name) for s, name in zip((positive, negative), names, strict=True)
  ]
  thresholds = np.unique(np.concatenate(both))
  below = [np.searchsorted(np.sort(s), thresholds) for s in both]
  return Accepted(
    *(
      np.append(0, (len(s) - less)[::-1])
      for s, less in zip(both, below, strict=True)
    )
  )


def _auroc(rows: Accepted) -> float:
  true, false = rows.positive, rows.negative
  area = np.sum((true[1:] + true[:-1]) * np.diff(false)) / 2
  return float(area / (true[-1] * false[-1]))


def _aupr(rows: Accepted) -> float:
  true, false = rows.positive[1:], rows.negative[1:]
  return float(np.diff(rows.positive) @ (true / (true + false)) / true[-1])


def _trapezoids(rows: Accepted) -> float:
  """Area below the precision-recall curve, which begins at a precision of 1."""
  true, false = rows.positive[1:], rows.negative[1:]
  precision = np.append(1.0, true / (true + false))
  means = (precision[1:] + precision[:-1]) / 2
  return float(np.diff(rows.positive) @ means / rows.positive[-1])


def _fpr(rows: Accepted, tpr: float = 0.95) -> float:
  true, false = rows.positive, rows.negative
  # Less what rounding may add to `tpr`; nothing is never enough.
  enough = np.searchsorted(true, max(tpr * true[-1] - 1e-9, 1e-300))
  return float(false[enough] / false[-1])


def detect(inside: np.ndarray, outside: np.ndarray) -> dict[str, float]:
  """Returns every metric of one score, as fractions.

  Args:
    inside: scores `f[n]` of in-distribution rows.
    outside: scores `f[m]` of out-of-distribution rows.

  Returns:
    `auroc`; `aupr_in` and `aupr_out`, average precision; `fpr95_in` and
    `fpr95_out`; and `aupr_in_trapezoid` and `aupr_out_trapezoid`, areas below
    the same curves by the trapezoidal rule.

  Raises:
    UserError: if either is empty or not flat.

  >>> found = detect(np.array([3.0, 2.0]), np.array([1.0]))
  >>> found['auroc'], found['fpr95_in']
  (1.0, 0.0)
  """
  rows = accepted(inside, outside)
  turned = rows.swapped()
  return {
    'auroc': _auroc(rows),
    'aupr_in': _aupr(rows),
    'aupr_out': _aupr(turned),
    'fpr95_in': _fpr(rows),
    'fpr95_out': _fpr(turned),
    'aupr_in_trapezoid': _trapezoids(rows),
    'aupr_out_trapezoid': _trapezoids(turned),
  }


def misclassification(logits: np.ndarray, labels: np.ndarray) -> float:
  """Returns the AUROC of confidence for right predictions against wrong ones.

  Confidence is the largest softmax probability. Where all predictions are
  right, or all are wrong, there is nothing to tell: 0.5.

  Args:
    logits: `f[n, k]`, of the classes alone.
    labels: `i[n]`.

  >>> misclassification(np.array([[3.0, 0.0], [1.0, 0.0]]), np.array([0, 1]))
  1.0
  """
  logits, labels = np.asarray(logits, np.float64), np.asarray(labels)
  predicted = logits.argmax(-1)
  right = predicted == labels
  if right.all() or not right.any():
    return 0.5
  # log p / (1 - p), which does not round to a tie where p rounds to 1.
  with np.errstate(invalid='ignore'):
    others = logits.copy()
    np.put_along_axis(others, predicted[:, None], -np.inf, -1)
    confidence = logits.max(-1) - np.logaddexp.reduce(others, -1)
  return auroc(confidence[right], confidence[~right])


def _ready(scores: np.ndarray, which: str) -> np.ndarray:
  """Scores in float64 with NaN as `-inf`; `which` names them in errors."""
  scores = np.asarray(scores, np.float64)
  if scores.ndim != 1 or not scores.size:
    raise UserError(
      f'{which} scores of shape {list(scores.shape)}: give a flat array with '
      'at least one row, or leave an empty set out of the evaluation'
    )
  return np.where(np.isnan(scores), -np.inf, scores)
