"""Histograms and ROC curves of detection, as JSON takes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rdd_jax.evaluation.ood import metrics

Curves = dict[str, dict[str, Any]]


def curves(
  inside: Mapping[str, np.ndarray],
  others: Mapping[str, Mapping[str, np.ndarray]],
  shown: tuple[str, ...] = ('msp', 'energy'),
) -> Curves:
  """Draws up histograms and ROC curves of some scores of one network.

  Args:
    inside: by score, `f[n]`, of in-distribution rows.
    others: by set and score, `f[m]`, of out-of-distribution rows.
    shown: the scores.

  Returns:
    By score: `edges`, `f[41]`; `histograms`, by set and for 'inside', shares of
    rows; `roc`, by set, pairs of a false and a true positive rate.
  """
  scale = {'msp': np.exp}  # it comes as a logarithm

  def shown_as(score: str, values: np.ndarray) -> np.ndarray:
    return scale[score](values) if score in scale else values

  return {
    score: {
      **histograms(
        {
          name: shown_as(score, values[score])
          for name, values in {'inside': inside, **others}.items()
        }
      ),
      'roc': {
        name: roc(inside[score], theirs[score])
        for name, theirs in others.items()
      },
    }
    for score in shown
  }


def histograms(
  values: Mapping[str, np.ndarray], bins: int = 40
) -> dict[str, Any]:
  """Counts shares in bins that all have in common, the outer ones open.

  The edges span all but the outermost hundredth of the values.

  Args:
    values: by name, `f[n]`; NaN counts as least.
    bins: how many.

  Returns:
    `edges`, `f[bins + 1]`, and `histograms`, by name, `f[bins]`.

  >>> found = histograms({'a': np.array([0.0, 1.0]), 'b': np.ones(4)}, bins=2)
  >>> found['histograms']
  {'a': [0.5, 0.5], 'b': [0.0, 1.0]}
  """
  finite = np.concatenate([v[np.isfinite(v)] for v in values.values()])
  low, high = np.quantile(finite, (0.01, 0.99)) if finite.size else (0.0, 1.0)
  edges = np.linspace(low, high if high > low else low + 1, bins + 1)

  def shares(v: np.ndarray) -> list[float]:
    v = np.clip(np.nan_to_num(v, nan=edges[0]), edges[0], edges[-1])
    return (np.histogram(v, edges)[0] / len(v)).tolist()

  return {
    'edges': edges.tolist(),
    'histograms': {name: shares(v) for name, v in values.items()},
  }


def roc(
  inside: np.ndarray, outside: np.ndarray, points: int = 50
) -> list[list[float]]:
  """Thins a ROC curve to equal steps of the true positive rate.

  Args:
    inside: scores `f[n]` of in-distribution rows.
    outside: scores `f[m]` of out-of-distribution rows.
    points: how many steps from accepting nothing to accepting all.

  Returns:
    False and true positive rates, `[points + 1, 2]`, ties included.

  >>> roc(np.array([3.0, 2.0]), np.array([2.0, 1.0]), points=2)
  [[0.0, 0.0], [0.0, 0.5], [0.5, 1.0]]
  """
  false, true = metrics.roc(inside, outside)
  least = np.linspace(0, 1, points + 1)
  # Less what rounding may add to a step.
  at = np.searchsorted(true, least - 1e-9 / len(inside))
  return np.stack([false[at], true[at]], 1).tolist()
