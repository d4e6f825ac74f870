"""Metrics of out-of-distribution detection: AUROC, AUPR, FPR95.

Scores are larger where a row is more in-distribution. Ties count as ties: a
threshold accepts all rows of one score or none. A network that diverged scores
NaN, and NaN counts as `-inf`, the least in-distribution score there is, so that
the evaluation of the others goes on.
"""

from __future__ import annotations

import numpy as np

from rdd_jax.core.errors import UserError


def auroc(inside: np.ndarray, outside: np.ndarray) -> float:
  """Returns the chance that an in-distribution row scores above another.

  `P(s_in > s_out) + P(s_in = s_out) / 2`, by scikit-learn.

  Args:
    inside: scores `f[n]` of in-distribution rows.
    outside: scores `f[m]` of out-of-distribution rows.

  Raises:
    UserError: if either is empty or not flat.

  >>> auroc(np.array([3.0, 2.0]), np.array([2.0, 1.0]))
  0.875
  """
  from sklearn.metrics import roc_auc_score

  return float(roc_auc_score(*_ranked(inside, outside)))


def aupr(positive: np.ndarray, negative: np.ndarray) -> float:
  """Returns the average precision, `sum_t (R_t - R_(t-1)) P_t`.

  By scikit-learn, without interpolation; it depends on how many rows of each
  kind there are. AUPR-in is `aupr(inside, outside)`, and AUPR-out is
  `aupr(-outside, -inside)`.

  Args:
    positive: scores `f[n]`.
    negative: scores `f[m]`, smaller where rows are told apart well.

  Raises:
    UserError: if either is empty or not flat.

  >>> aupr(np.array([3.0, 1.0]), np.array([2.0]))
  0.8333333333333333
  """
  from sklearn.metrics import average_precision_score

  truth, scores = _ranked(positive, negative, ('positive', 'negative'))
  return float(average_precision_score(truth, scores))


def roc(
  inside: np.ndarray, outside: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Returns false and true positive rates at every threshold, strictest first.

  By scikit-learn; the first threshold accepts nothing, and rows of one score
  are accepted together.

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
  from sklearn.metrics import roc_curve

  ranked = _ranked(inside, outside)
  false, true, _ = roc_curve(*ranked, drop_intermediate=False)
  return false, true


def fpr_at(inside: np.ndarray, outside: np.ndarray, tpr: float = 0.95) -> float:
  """Returns the false positive rate where the true one is at least `tpr`.

  At the strictest threshold that accepts at least that share of the
  in-distribution rows; rows on the threshold are accepted. FPR95 is the
  default, and `fpr_at(-outside, -inside)` is the share of in-distribution rows
  that are refused where 95 % of the others are.

  Args:
    inside: scores `f[n]` of in-distribution rows.
    outside: scores `f[m]` of out-of-distribution rows.
    tpr: in (0, 1].

  Raises:
    UserError: if either is empty or not flat.

  >>> fpr_at(np.array([3.0, 2.0]), np.array([2.0, 1.0]))
  0.5
  """
  false, true = roc(inside, outside)
  # Less what rounding may add to `tpr`; nothing is never enough.
  enough = np.searchsorted(true, max(tpr - 1e-9 / len(inside), 1e-300))
  return float(false[enough])


def detect(inside: np.ndarray, outside: np.ndarray) -> dict[str, float]:
  """Returns every metric of one score, as fractions.

  Args:
    inside: scores `f[n]` of in-distribution rows.
    outside: scores `f[m]` of out-of-distribution rows.

  Returns:
    `auroc`, `aupr_in`, `aupr_out`, `fpr95` and `fpr95_out`.

  Raises:
    UserError: if either is empty or not flat.

  >>> found = detect(np.array([3.0, 2.0]), np.array([1.0]))
  >>> found['auroc'], found['fpr95']
  (1.0, 0.0)
  """
  # Before signs change, or NaN would be the most in-distribution of all.
  inside, outside = _ready(inside, 'inside'), _ready(outside, 'outside')
  return {
    'auroc': auroc(inside, outside),
    'aupr_in': aupr(inside, outside),
    'aupr_out': aupr(-outside, -inside),
    'fpr95': fpr_at(inside, outside),
    'fpr95_out': fpr_at(-outside, -inside),
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


def _ranked(
  inside: np.ndarray,
  outside: np.ndarray,
  names: tuple[str, str] = ('inside', 'outside'),
) -> tuple[np.ndarray, np.ndarray]:
  """Labels and ranks of all rows; scikit-learn refuses scores of `-inf`."""
  parts = [_ready(inside, names[0]), _ready(outside, names[1])]
  truth = np.repeat([1, 0], [len(part) for part in parts])
  return truth, np.unique(np.concatenate(parts), return_inverse=True)[1]


def _ready(scores: np.ndarray, which: str) -> np.ndarray:
  """Scores in float64 with NaN as `-inf`; `which` names them in errors."""
  scores = np.asarray(scores, np.float64)
  if scores.ndim != 1 or not scores.size:
    raise UserError(
      f'{which} scores of shape {list(scores.shape)}: give a flat array with '
      'at least one row, or leave an empty set out of the evaluation'
    )
  return np.where(np.isnan(scores), -np.inf, scores)
