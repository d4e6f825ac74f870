"""Metrics of trust-aware diversion, where the true labels are known."""

from __future__ import annotations

from typing import NamedTuple

from jax.typing import ArrayLike
import numpy as np

from rdd_jax.robust.label_noise.record import LEFT_OUT, DivertState


class Evidence(NamedTuple):
  """Of each division, in shares; those that need the truth may be NaN.

  Attributes:
    trusted: of all rows.
    recalled: of all rows.
    precision: of trusted rows, those whose label is true.
    recall: of rows whose label is true, those trusted.
    relabelled: of recalled rows, those whose new label is true.
    noise: of the mass that counts, that of rows whose label is wrong.
  """

  trusted: np.ndarray
  recalled: np.ndarray
  precision: np.ndarray
  recall: np.ndarray
  relabelled: np.ndarray
  noise: np.ndarray


def evidence(
  state: DivertState, given: ArrayLike, truth: ArrayLike
) -> Evidence:
  """Computes how right the divisions were, `f[R]` each.

  Args:
    state: after `R` or more divisions.
    given: `i[N]`, the labels in doubt.
    truth: `i[N]`, the true labels.
  """
  trusted, labels = np.asarray(state.trusted), np.asarray(state.labels)
  given, truth = np.asarray(given), np.asarray(truth)
  counts = labels != LEFT_OUT
  recalled = counts & ~trusted
  right, clean = labels == truth, given == truth
  mass = np.asarray(state.mass)

  def share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return _ratio((part & whole).sum(1), whole.sum(1))

  everything = np.ones_like(trusted)
  return Evidence(
    trusted=share(trusted, everything),
    recalled=share(recalled, everything),
    precision=share(clean & everything, trusted),
    recall=share(trusted, clean & everything),
    relabelled=share(right, recalled),
    noise=_ratio((mass * ~right).sum(1), mass.sum(1)),
  )


def recall_by(
  state: DivertState,
  given: ArrayLike,
  truth: ArrayLike,
  ids: ArrayLike,
  k: int,
) -> np.ndarray:
  """Computes `Evidence.recall` within each class or group, `f[R, k]`.

  Args:
    state: after `R` or more divisions.
    given: `i[N]`, the labels in doubt.
    truth: `i[N]`.
    ids: `i[N]`, the class or group; rows outside `[0, k)` are of none.
    k: the number of them; those without a row whose label is true are NaN.
  """
  ids = np.asarray(ids)
  clean = (np.asarray(given) == np.asarray(truth)) & (ids >= 0) & (ids < k)

  def count(rows: np.ndarray) -> np.ndarray:
    return np.bincount(ids[rows & clean], minlength=k)

  found = [count(rows) for rows in np.asarray(state.trusted)]
  return _ratio(np.stack(found), count(clean))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
  with np.errstate(invalid='ignore'):
    return np.divide(part, whole, dtype=np.float64)
