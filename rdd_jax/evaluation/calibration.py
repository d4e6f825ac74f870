"""Calibration: expected calibration error, and temperature scaling."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

BINS = 15  # of confidence, of equal width, in every table

# Temperatures searched, over the root mean square of the centered logits.
_TEMPERATURES = (1e-2, 1e2)


class CalibrationRows(NamedTuple):
  """Real rows that a temperature is fitted on; never test rows.

  Attributes:
    images: `u8[m, H, W, C]`.
    labels: `i[m]`, as given.
    noise: `f[k, k]`, see `temperature`; None where labels are taken as right.
  """

  images: np.ndarray
  labels: np.ndarray
  noise: np.ndarray | None = None


class Calibrated(NamedTuple):
  """What was fitted on such rows.

  Attributes:
    temperature: what divides logits before confidences are read.
    statistics_limit: of the score `guarded`; None where there is none.
  """

  temperature: float
  statistics_limit: float | None = None


class Reliability(NamedTuple):
  """A reliability diagram: what each bin of confidence holds, `[bins]`.

  Attributes:
    share: of the rows, `f[bins]`; sums to 1.
    confidence: their mean confidence; 0 where a bin is empty.
    accuracy: the share of them that is right; 0 where a bin is empty.
  """

  share: np.ndarray
  confidence: np.ndarray
  accuracy: np.ndarray


def reliability(
  logits: np.ndarray, labels: np.ndarray, bins: int = BINS
) -> Reliability:
  """Sorts predictions into bins of confidence of equal width.

  Bin m is `((m - 1) / M, m / M]`. A network is underconfident where `accuracy`
  is above `confidence`.

  Args:
    logits: `f[n, k]`.
    labels: `i[n]`.
    bins: M.

  Source: Guo et al., On Calibration of Modern Neural Networks, ICML 2017, sec.
    2.

  >>> found = reliability(np.zeros((4, 2)), np.array([0, 0, 0, 1]), bins=2)
  >>> found.confidence.tolist(), found.accuracy.tolist()
  ([0.5, 0.0], [0.75, 0.0])
  """
  z = np.asarray(logits, np.float64)
  p = np.exp(z - z.max(-1, keepdims=True))
  confidence = (p / p.sum(-1, keepdims=True)).max(-1)
  right = np.asarray(logits).argmax(-1) == labels
  bin_of = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
  count = np.bincount(bin_of, minlength=bins)
  some = np.maximum(count, 1)
  return Reliability(
    count / len(right),
    np.bincount(bin_of, confidence, bins) / some,
    np.bincount(bin_of, right, bins) / some,
  )


def ece(logits: np.ndarray, labels: np.ndarray, bins: int = BINS) -> float:
  """Returns the expected calibration error, with bins of equal width.

  `ECE = sum_m |B_m| / n |acc(B_m) - conf(B_m)|`.

  Args:
    logits: `f[n, k]`.
    labels: `i[n]`.
    bins: M, of confidence.

  Source: Guo et al., On Calibration of Modern Neural Networks, ICML 2017, eq.
    3.

  >>> ece(np.zeros((4, 2)), np.array([0, 0, 0, 1]))  # sure to a half, right 3/4
  0.25
  """
  found = reliability(logits, labels, bins)
  return float(found.share @ np.abs(found.accuracy - found.confidence))


def temperature(
  logits: np.ndarray, labels: np.ndarray, noise: np.ndarray | None = None
) -> float:
  """Fits the `T` that minimizes the log-loss of `softmax(logits / T)`.

  `-mean_i log (p_i^T R)_{y_i}`, where `R_{cd}` is the chance that class c is
  given the label d. Without noise R is the identity, the loss is convex in
  `1 / T`, and its gradient has its root found. Temperatures from 1 / 100 to 100
  times the root mean square of the centered logits are searched, which scale
  as the logits do.

  Args:
    logits: `f[n, k]`, of the classes alone.
    labels: `i[n]`, as given.
    noise: R, `f[k, k]`, with rows on the simplex.

  Returns:
    `T`; an end of the range where the loss falls all the way, as it does where
    every prediction is right. 1 where no temperature matters, as for no rows,
    for logits that are all equal, or for logits that are not finite.

  Source: Guo et al., On Calibration of Modern Neural Networks, ICML 2017, sec.
    4.2; noise by the forward correction of Patrini et al., Making Deep Neural
    Networks Robust to Label Noise, CVPR 2017, eq. 6.

  >>> logits = np.array([[np.log(9), 0]] * 4)  # says 0.9 and is right 3 in 4
  >>> round(temperature(logits, np.array([0, 0, 0, 1])), 6)  # log 9 / log 3
  2.0
  """
  z = np.asarray(logits, np.float64)
  if not z.size or not np.isfinite(z).all():
    return 1.0
  z = z - z.mean(-1, keepdims=True)
  unit = float(np.sqrt(np.square(z).mean()))
  if unit == 0:
    return 1.0
  labels = np.asarray(labels)
  if noise is None:
    return unit * math.exp(_exact(z / unit, labels[:, None]))
  return unit * math.exp(_forward(z / unit, np.asarray(noise)[:, labels].T))


def _exact(z: np.ndarray, place: np.ndarray) -> float:
  """The log of a temperature, where the slope of the convex loss is 0."""
  from scipy import optimize, special

  target = np.take_along_axis(z, place, -1).mean()

  def slope(log_t: float) -> float:
    p = special.softmax(z * math.exp(-log_t), -1)
    return float((p * z).sum(-1).mean() - target)

  low, high = (math.log(t) for t in _TEMPERATURES)
  if slope(low) <= 0:
    return low
  if slope(high) >= 0:
    return high
  return optimize.root_scalar(slope, bracket=(low, high), xtol=1e-12).root


def _forward(z: np.ndarray, chances: np.ndarray) -> float:
  """The log of a temperature, where the loss with noise is least.

  Args:
    z: logits `f[n, k]`.
    chances: `f[n, k]`, of the label of a row, for each class that it may be of.
  """
  from scipy import optimize, special

  def loss(log_t: float) -> float:
    p = special.softmax(z * math.exp(-log_t), -1)
    return -float(np.log(np.maximum((p * chances).sum(-1), 1e-300)).mean())

  bounds = tuple(math.log(t) for t in _TEMPERATURES)
  found = optimize.minimize_scalar(
    loss, bounds=bounds, method='bounded', options={'xatol': 1e-8}
  )
  return float(found.x)


def shared_temperature(
  logits: np.ndarray, labels: np.ndarray, noise: np.ndarray | None = None
) -> float:
  """Fits one temperature for several networks, on the rows of all.

  Args:
    logits: `f[s, m, k]`, of the classes alone; those of a network that
      diverged, which are not all finite, are left out.
    labels: `i[m]`.
    noise: as for `temperature`.

  Returns:
    As `temperature`.

  >>> one = np.array([[[np.log(9), 0]] * 4])
  >>> both = np.concatenate([one, np.full_like(one, np.nan)])
  >>> round(shared_temperature(both, np.array([0, 0, 0, 1])), 6)
  2.0
  """
  finite = [one for one in logits if np.isfinite(one).all()]
  if not finite:
    return 1.0
  return temperature(
    np.concatenate(finite), np.tile(labels, len(finite)), noise
  )


def scaled_ece(
  logits: np.ndarray, labels: np.ndarray, bins: int = BINS
) -> float:
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
