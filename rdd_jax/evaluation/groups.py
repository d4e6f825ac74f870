"""Accuracy over groups: adjusted averages, and differences of odds.

A group here is a pair of a class and a subpopulation that has test rows.
"""

from __future__ import annotations

import numpy as np


def pairs(labels: np.ndarray, groups: np.ndarray) -> np.ndarray:
  """Numbers the pairs of class and group that have rows, in order.

  Args:
    labels: `i[n]`.
    groups: `i[n]`; below 0 means none.

  Returns:
    `i[n]`; below 0 where a row is of no group.

  >>> pairs(np.array([0, 0, 1, 1]), np.array([0, 1, 1, -1]))
  array([ 0,  1,  2, -1])
  """
  labels, groups = np.asarray(labels), np.asarray(groups)
  inside = groups >= 0
  both = np.stack([labels[inside], groups[inside]], 1)
  out = np.full(len(labels), -1)
  if len(both):
    out[inside] = np.unique(both, axis=0, return_inverse=True)[1].ravel()
  return out


def training_rows(
  labels: np.ndarray,
  groups: np.ndarray,
  train_labels: np.ndarray,
  train_groups: np.ndarray,
) -> np.ndarray:
  """Counts the training rows in the class and group of each test row.

  Args:
    labels: `i[n]`, of test rows.
    groups: `i[n]`, theirs; below 0 means none.
    train_labels: `i[N]`.
    train_groups: `i[N]`.

  Returns:
    `i[n]`; 0 where a row is of no group.

  >>> zero = np.zeros(3, int)
  >>> training_rows(zero, np.array([0, 1, -1]), zero, np.array([0, 0, 1]))
  array([2, 1, 0])
  """
  wide = 1 + max(np.max(groups, initial=0), np.max(train_groups, initial=0))
  tall = 1 + max(np.max(labels, initial=0), np.max(train_labels, initial=0))
  given = np.asarray(train_groups) >= 0
  ids = np.asarray(train_labels)[given] * wide + np.asarray(train_groups)[given]
  count = np.bincount(ids, minlength=tall * wide)
  own = np.asarray(labels) * wide + np.maximum(groups, 0)
  return np.where(np.asarray(groups) >= 0, count[own], 0)


def adjusted_accuracy(
  logits: np.ndarray,
  labels: np.ndarray,
  groups: np.ndarray,
  trained: np.ndarray,
) -> float:
  """Returns the mean of group accuracies, weighted as training groups are.

  `sum_g n_g acc_g / sum_g n_g`, with n_g training rows in group g: what average
  accuracy is where test groups are as frequent as those of training.

  Args:
    logits: `f[n, k]`.
    labels: `i[n]`.
    groups: `i[n]`; below 0 means none.
    trained: `i[n]`, see `training_rows`.

  Returns:
    The accuracy; nan if no training row is in a group that has test rows.

  Source: Sagawa et al., Distributionally Robust Neural Networks for Group
    Shifts, ICLR 2020, on Waterbirds, whose test groups are balanced.

  >>> logits = np.array([[2.0, 1.0], [0.0, 1.0]])  # right, wrong
  >>> zero = np.array([0, 0])
  >>> adjusted_accuracy(logits, zero, np.array([0, 1]), np.array([9, 1]))
  0.9
  """
  right = np.asarray(logits).argmax(-1) == labels
  ids = pairs(labels, groups)
  inside = ids >= 0
  size = np.bincount(ids[inside])
  # A row's share of its group, times how often the group was trained on.
  weights = np.asarray(trained)[inside] / size[ids[inside]]
  total = weights.sum()
  return float(right[inside] @ weights / total) if total else float('nan')


def odds(
  logits: np.ndarray, labels: np.ndarray, groups: np.ndarray
) -> np.ndarray:
  """Returns `P(prediction = j | label = i, group = g)`, `f[g, i, j]`.

  Args:
    logits: `f[n, k]`.
    labels: `i[n]`.
    groups: `i[n]`; below 0 means none.

  Returns:
    nan where no row has the label and the group.

  >>> logits = np.array([[2.0, 1.0], [0.0, 1.0]])
  >>> odds(logits, np.array([0, 0]), np.array([0, 0]))[0, 0]
  array([0.5, 0.5])
  """
  logits, groups = np.asarray(logits), np.asarray(groups)
  inside, k = groups >= 0, logits.shape[1]
  g = 1 + int(groups.max(initial=-1))
  count = np.zeros((g, k, k))
  predicted = logits.argmax(-1)[inside]
  np.add.at(count, (groups[inside], np.asarray(labels)[inside], predicted), 1)
  mass = count.sum(-1, keepdims=True)
  return np.where(mass > 0, count / np.maximum(mass, 1), np.nan)


def odds_differences(
  logits: np.ndarray, labels: np.ndarray, groups: np.ndarray
) -> dict[str, float]:
  """Returns how far predictions depend on the group, given the label.

  Differences are between the groups where a rate is greatest and least, over
  the classes that have rows in two groups at least.

  Args:
    logits: `f[n, k]`.
    labels: `i[n]`.
    groups: `i[n]`; below 0 means none.

  Returns:
    `equalized_odds`, the greatest difference over all labels and predictions;
    `deo_max` and `deo_mean`, the greatest and the mean over classes of that of
    their accuracies, as FairDD tabulates them. Empty if no class has two
    groups.

  Source: Hardt, Price and Srebro, Equality of Opportunity in Supervised
    Learning, NeurIPS 2016, def. 2.1, for more than two classes; Zhou et al.,
    FairDD, arXiv 2411.19623.

  >>> logits = np.array([[2.0, 1.0], [2.0, 1.0], [2.0, 1.0], [0.0, 1.0]])
  >>> zero = np.zeros(4, int)
  >>> odds_differences(logits, zero, np.array([0, 0, 1, 1]))['equalized_odds']
  0.5
  """
  rates = odds(logits, labels, groups)
  known = ~np.isnan(rates[..., 0])  # [g, i]
  rates = rates[:, known.sum(0) > 1]
  if not rates.size:
    return {}
  gaps = np.nanmax(rates, 0) - np.nanmin(rates, 0)  # [i, j]
  classes = np.flatnonzero(known.sum(0) > 1)
  own = gaps[np.arange(len(classes)), classes]
  return {
    'equalized_odds': float(gaps.max()),
    'deo_max': float(own.max()),
    'deo_mean': float(own.mean()),
  }
