"""Accuracies, calibration, and their mean over seeds, from logits.

`registry.METRICS` lists the names of all metrics.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from rdd_jax.evaluation.calibration import ece
from rdd_jax.evaluation.groups import adjusted_accuracy, odds_differences, pairs


class Summary(TypedDict):
  """A metric over seeds, as a fraction."""

  mean: float
  std: float
  n: int
  values: list[float]


Row = dict[str, Summary]


def summary(values: Sequence[float] | np.ndarray) -> Summary:
  """Returns mean and sample standard deviation (0 for a single value).

  >>> summary([0.5, 0.7])['mean'], summary([0.5])['std']
  (0.6, 0.0)
  """
  array = np.asarray(values, np.float64)
  if array.ndim != 1 or not array.size:
    raise ValueError(
      f'a summary takes one value for each seed, got shape {array.shape}; '
      'give a flat, non-empty list'
    )
  return {
    'mean': float(array.mean()),
    'std': float(array.std(ddof=1)) if array.size > 1 else 0.0,
    'n': array.size,
    'values': array.tolist(),
  }


def pool(rows: Sequence[Row]) -> Row:
  """Merges rows of several distillation seeds into one over all seeds.

  >>> pool([{'ece': summary([0.1])}, {'ece': summary([0.3])}])['ece']['values']
  [0.1, 0.3]
  """
  return {
    metric: summary([v for row in rows for v in row[metric]['values']])
    for metric in rows[0]
  }


def accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
  """Returns the share of rows whose largest logit is that of their label.

  Args:
    logits: `f[n, k]`.
    labels: `i[n]`.

  >>> accuracy(np.array([[2.0, 1.0], [2.0, 3.0]]), np.array([0, 0]))
  0.5
  """
  return float((logits.argmax(-1) == labels).mean())


def group_accuracy(
  logits: np.ndarray, labels: np.ndarray, groups: np.ndarray
) -> np.ndarray:
  """Returns the accuracy in each group; nan where a group is empty.

  With `groups=labels`, the accuracy of each class.

  Args:
    logits: `f[n, k]`.
    labels: `i[n]`.
    groups: `i[n]`; below 0 means none.

  >>> logits = np.array([[2.0, 1.0], [2.0, 3.0], [0.0, 1.0]])
  >>> group_accuracy(logits, np.array([0, 0, 1]), np.array([0, 0, 2]))
  array([0.5, nan, 1. ])
  """
  right = logits.argmax(-1) == labels
  inside = groups >= 0
  mass = np.bincount(groups[inside])
  return np.where(
    mass > 0,
    np.bincount(groups[inside], right[inside]) / np.maximum(mass, 1),
    np.nan,
  )


def worst(accuracies: np.ndarray) -> float:
  """Returns the accuracy of the worst group that is not empty.

  >>> worst(np.array([0.5, np.nan, 0.25]))
  0.25
  """
  return float(np.nanmin(accuracies))


def measure(
  logits: np.ndarray,
  labels: np.ndarray,
  *,
  num_classes: int,
  groups: np.ndarray | None = None,
  rare: np.ndarray | None = None,
  trained: np.ndarray | None = None,
) -> dict[str, float]:
  """Returns every metric of one network, as fractions.

  Args:
    logits: `f[n, o]`; a reject class beyond `num_classes` is left out, so
      predictions and confidences are those given that a row has a class.
    labels: `i[n]`.
    num_classes: the number of classes.
    groups: `i[n]`, below 0 where a row is of none; for `worst_group`, the
      worst accuracy over the pairs of class and group that have rows (Sagawa et
      al. 2020, ICLR), `group_balanced`, the unweighted mean over them, and
      `groups.odds_differences`.
    rare: `b[n]`, the minority rows, for `rare_group`, the accuracy on them, and
      `majority_group`, that on the others.
    trained: `i[n]`, training rows in the class and group of each row, for
      `adjusted_accuracy`.

  Returns:
    `accuracy`, `worst_class`, `ece`, `class_0`, `class_1` and so on, the
    accuracy of each class that has rows, and those whose rows were given and
    are not none.
  """
  logits, labels = np.asarray(logits)[:, :num_classes], np.asarray(labels)
  by_class = group_accuracy(logits, labels, labels)
  out = {
    'accuracy': accuracy(logits, labels),
    'worst_class': worst(by_class),
    'ece': ece(logits, labels),
  }
  for c in np.flatnonzero(~np.isnan(by_class)):
    out[f'class_{c}'] = float(by_class[c])
  if groups is not None and (groups >= 0).any():
    by_pair = group_accuracy(logits, labels, pairs(labels, groups))
    out['worst_group'] = worst(by_pair)
    out['group_balanced'] = float(np.mean(by_pair))
    if trained is not None and trained[groups >= 0].any():
      adjusted = adjusted_accuracy(logits, labels, groups, trained)
      out['adjusted_accuracy'] = adjusted
    out |= odds_differences(logits, labels, groups)
  if rare is not None:
    for name, rows in (('rare_group', rare), ('majority_group', ~rare)):
      if rows.any():
        out[name] = accuracy(logits[rows], labels[rows])
  return out
