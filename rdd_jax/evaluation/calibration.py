"""Calibration: expected calibration error, and temperature scaling."""

from __future__ import annotations

import math

import numpy as np

# Temperatures searched, over the root mean square of the centered logits.
_TEMPERATURES = (1e-2, 1e2)


def ece(logits: np.ndarray, labels: np.ndarray, bins: int = 15) -> float:
  """Returns the expected calibration error, with bins of equal width.

  `ECE = sum_m |B_m| / n |acc(B_m) - conf(B_m)|`.

  Args:
    logits: `f[n, k]`.
    labels: `i[n]`.
    bins: M, of confidence.

  Source: Guo et al., On Calibration of Modern Neural Networks, 2017, eq. 3.

  >>> ece(np.zeros((4, 2)), np.array([0, 0, 0, 1]))  # sure to a half, right 3/4
  0.25
  """
  z = np.asarray(logits, np.float64)
  p = np.exp(z - z.max(-1, keepdims=True))
  confidence = (p / p.sum(-1, keepdims=True)).max(-1)
  gap = (logits.argmax(-1) == labels) - confidence
  bin_of = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
  return float(np.abs(np.bincount(bin_of, gap)).sum() / len(labels))


def temperature(logits: np.ndarray, labels: np.ndarray) -> float:
  """Fits the `T` that minimizes the log-loss of `softmax(logits / T)`.

  Temperature scaling (Guo et al., 2017). The loss is convex in `1 / T`, whose
  gradient has its root found. Temperatures from 1 / 100 to 100 times the root
  mean square of the centered logits are searched, which scale as the logits do.

  Args:
    logits: `f[n, k]`, of the classes alone.
    labels: `i[n]`.

  Returns:
    `T`; an end of the range where the loss falls all the way, as it does where
    every prediction is right. 1 where no temperature matters, as for no rows,
    for logits that are all equal, or for logits that are not finite.

  >>> logits = np.array([[np.log(9), 0]] * 4)  # says 0.9 and is right 3 in 4
  >>> round(temperature(logits, np.array([0, 0, 0, 1])), 6)  # log 9 / log 3
  2.0
  """
  from scipy import optimize, special

  z = np.asarray(logits, np.float64)
  if not z.size or not np.isfinite(z).all():
    return 1.0
  z = z - z.mean(-1, keepdims=True)
  unit = float(np.sqrt(np.square(z).mean()))
  if unit == 0:
    return 1.0
  z = z / unit
  target = np.take_along_axis(z, np.asarray(labels)[:, None], -1).mean()

  def slope(log_t: float) -> float:
    p = special.softmax(z * math.exp(-log_t), -1)
    return float((p * z).sum(-1).mean() - target)

  low, high = (math.log(t) for t in _TEMPERATURES)
  if slope(low) <= 0:
    return unit * _TEMPERATURES[0]
  if slope(high) >= 0:
    return unit * _TEMPERATURES[1]
  found = optimize.root_scalar(slope, bracket=(low, high), xtol=1e-12)
  return unit * math.exp(found.root)


def scaled_ece(logits: np.ndarray, labels: np.ndarray, bins: int = 15) -> float:
  """Returns the expected calibration error after temperature scaling.

  Cross-fitted: the rows at even places are scaled by the temperature of those
  at odd places, the other way round, and the error is that of all rows.

  Args:
    logits: `f[n, k]`, of the classes alone.
    labels: `i[n]`.
    bins: of equal width; see `ece`.

  Returns:
    The error; nan if a logit is not finite.

  >>> logits = np.array([[np.log(9), 0]] * 8)
  >>> round(scaled_ece(logits, np.array([0, 0, 0, 0, 0, 0, 1, 1])), 6)
  0.0
  """
  scaled, labels = np.array(logits, np.float64), np.asarray(labels)
  if not np.isfinite(scaled).all():
    return math.nan
  halves = (slice(0, None, 2), slice(1, None, 2))
  found = [temperature(scaled[half], labels[half]) for half in halves]
  for half, t in zip(halves, reversed(found), strict=True):
    scaled[half] /= t
  return ece(scaled, labels, bins)
