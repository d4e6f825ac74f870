"""Energy, guarded against rows whose channel statistics no real row has.

A sum of scores trades one kind of input for another. This one does not: rows
beyond a limit that few real rows pass come last, and energy ranks all others,
so that it costs no more than the share of rows in distribution that are beyond.
The energy is that of the classes: a reject logit gains on natural images what
it loses on flat drawings and on mixtures of two images.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

SHARE = 0.02  # of training rows that lie beyond the limit


def limit(far: Iterable[np.ndarray], share: float = SHARE) -> float:
  """Returns the limit that a share of real rows lies beyond.

  Args:
    far: for each network, `f[n]`, how far the statistics of its `n` training
      rows are from those of the views of its set.
    share: of the rows of all networks together.

  Returns:
    0 where no distance is finite, as of networks that diverged.

  >>> limit([np.arange(101.0)])
  98.0
  """
  pooled = np.concatenate([np.asarray(one, np.float64) for one in far])
  pooled = pooled[np.isfinite(pooled)]
  return float(np.quantile(pooled, 1 - share)) if len(pooled) else 0.0


def guarded(energy: np.ndarray, far: np.ndarray, limit: float) -> np.ndarray:
  """Returns the energy where statistics are within a limit, and less beyond.

  Where at most a share `a` of the rows in distribution is beyond the limit, the
  AUROC is no more than `a` below that of the energy, whatever the others are.

  Args:
    energy: `f[n]`, of the classes.
    far: `f[n]`, of the statistics.
    limit: from `limit`, or a card.

  Returns:
    `f64[n]`: within (-1, 1) in the order of the energy; beyond, at most -1 and
    less the farther a row is. NaN where either is.

  >>> guarded(np.array([9.0, -9.0, 99.0]), np.array([1.0, 1.0, 8.0]), 2.0)
  array([ 0.9, -0.9, -4. ])
  """
  inside = np.copysign(1 - 1 / (1 + np.abs(energy)), energy)  # also inf
  with np.errstate(divide='ignore', invalid='ignore'):
    beyond = -far / limit
  found = np.where(far > limit, beyond, inside)
  return np.where(np.isnan(energy) | np.isnan(far), np.nan, found)
