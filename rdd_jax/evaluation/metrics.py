"""What logits are worth: accuracies, calibration, and mean over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np


class Summary(TypedDict):
  """A metric over seeds, as a fraction."""

  mean: float
  std: float
  n: int
  values: list[float]


Row = dict[str, Summary]


def summary(values: Sequence[float] | np.ndarray) -> Summary:
  """Mean and sample standard deviation (0 for a single value)."""
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
  """One row over all seeds, from rows of several distillation seeds."""
  return {
    metric: summary([v for row in rows for v in row[metric]['values']])
    for metric in rows[0]
  }


def accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
  """The share of `n` rows whose largest logit of `f[n, k]` is their label."""
  return float((logits.argmax(-1) == labels).mean())


def group_accuracy(
  logits: np.ndarray, labels: np.ndarray, groups: np.ndarray
) -> np.ndarray:
  """Accuracy in each group; nan where a group is empty.

  With `groups=labels`, the accuracy of each class.

  Args:
    logits: `f[n, k]`.
    labels: `i[n]`.
    groups: `i[n]`; below 0 means none.
  """
  right = logits.argmax(-1) == labels
  inside = groups >= 0
  mass = np.bincount(groups[inside])
  return np.where(
    mass > 0,
    np.bincount(groups[inside], right[inside]) / np.maximum(mass, 1),
    np.nan,
  )


def pairs(labels: np.ndarray, groups: np.ndarray) -> np.ndarray:
  """One number for each pair of class and group, `i[n]`.

  Numbers are those of the pairs that have rows, in order; below 0 where a row
  is of no group.
  """
  labels, groups = np.asarray(labels), np.asarray(groups)
  inside = groups >= 0
  both = np.stack([labels[inside], groups[inside]], 1)
  out = np.full(len(labels), -1)
  if len(both):
    out[inside] = np.unique(both, axis=0, return_inverse=True)[1].ravel()
  return out


def worst(accuracies: np.ndarray) -> float:
  """The accuracy of the worst group that is not empty."""
  return float(np.nanmin(accuracies))


def ece(logits: np.ndarray, labels: np.ndarray, bins: int = 15) -> float:
  """Expected calibration error (Guo et al., 2017, eq. 3), equal-width bins."""
  z = np.asarray(logits, np.float64)
  p = np.exp(z - z.max(-1, keepdims=True))
  confidence = (p / p.sum(-1, keepdims=True)).max(-1)
  gap = (logits.argmax(-1) == labels) - confidence
  bin_of = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
  return float(np.abs(np.bincount(bin_of, gap)).sum() / len(labels))


def measure(
  logits: np.ndarray,
  labels: np.ndarray,
  *,
  num_classes: int,
  groups: np.ndarray | None = None,
  rare: np.ndarray | None = None,
) -> dict[str, float]:
  """Every metric of one network, as fractions.

  Args:
    logits: `f[n, o]`; a reject class beyond `num_classes` is left out, so
      predictions and confidences are those given that a row has a class.
    labels: `i[n]`.
    num_classes: the number of classes.
    groups: `i[n]`, below 0 where a row is of none; for `worst_group`, the
      worst accuracy over the pairs of class and group that have rows (Sagawa et
      al. 2020, ICLR), and `group_balanced`, the unweighted mean over them.
    rare: `b[n]`, the minority rows, for `rare_group`, the accuracy on them, and
      `majority_group`, that on the others.

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
  if rare is not None:
    for name, rows in (('rare_group', rare), ('majority_group', ~rare)):
      if rows.any():
        out[name] = accuracy(logits[rows], labels[rows])
  return out
