"""Injects label noise that depends on the image.

Source: Xia et al., Part-dependent Label Noise, NeurIPS 2020, Algorithm 2.

Deviations: scores are float64, so that machines agree on the labels.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import NormalDist

from jax import Array
import numpy as np

from rdd_jax.core.keys import generator, named
from rdd_jax.core.streamed import HostImages
from rdd_jax.data.dataset import Dataset

SPREAD = 0.1  # the standard deviation of the rates at which rows flip
_CHUNK = 256  # rows held in float64 at once


def instance(dataset: Dataset, rate: float, key: Array) -> np.ndarray:
  """Flips labels to the class that the image resembles in a random projection.

  Label n flips with probability `q_n ~ N(rate, 0.1^2)`, truncated to [0, 1]. It
  flips to class j with probability `softmax_j(x_n W_y)`, over all classes but
  its own, y; `x_n` are the pixels, standardized by channel over the training
  set, and `W_y` is a standard normal matrix for each class. The mean of `q_n`
  is above `rate` where that is small.

  Scores are float64, lest rounding turn labels from machine to machine; they
  are computed class by class, in chunks.

  Args:
    dataset: whose training labels are true.
    rate: the mean of the normal distribution, in [0, 1).
    key: the same key gives the same labels, on any machine.

  Returns:
    `i64[N]`.

  Source: Xia et al., Part-dependent Label Noise, NeurIPS 2020, Algorithm 2.
  """
  images, labels = dataset.train_images, dataset.train_labels
  uniform = generator(named(key, 'rows')).random((len(labels), 3))
  flips = uniform[:, 1] < flip_rates(uniform[:, 0], rate)
  mean, std = _statistics(images)
  size = images[0].size, dataset.num_classes
  out = labels.astype(np.int64)
  for label in range(dataset.num_classes):
    projection = generator(named(key, f'class {label}')).standard_normal(size)
    for rows in _chunks(np.flatnonzero(flips & (labels == label))):
      pixels = (images[rows] - mean) / std
      scores = pixels.reshape(len(rows), -1) @ projection
      scores[:, label] = -np.inf
      out[rows] = _draw(scores, uniform[rows, 2])
  return out


def flip_rates(uniform: np.ndarray, rate: float) -> np.ndarray:
  """Draws flip probabilities from a normal (rate, 0.1) truncated to [0, 1].

  Args:
    uniform: `f64[N]`, uniform in [0, 1].
    rate: the mean before truncation.

  Returns:
    `f64[N]`, the quantiles of `uniform`.

  >>> flip_rates(np.array([0.1, 0.5, 0.9]), 0.4).round(2)
  array([0.27, 0.4 , 0.53])
  """
  normal = NormalDist(rate, SPREAD)
  low, high = normal.cdf(0), normal.cdf(1)
  # Quantiles of 0 and 1 are infinite.
  inside = np.clip(low + uniform * (high - low), 1e-300, 1 - 2**-53)
  return np.clip([normal.inv_cdf(p) for p in inside.tolist()], 0, 1)


def _draw(scores: np.ndarray, uniform: np.ndarray) -> np.ndarray:
  """Draws a class for each row by the softmax of its scores; never -inf."""
  odds = np.exp(scores - scores.max(axis=1, keepdims=True))
  cumulative = np.cumsum(odds, axis=1)
  cumulative /= cumulative[:, -1:]
  return (cumulative <= uniform[:, None]).sum(axis=1)


def _statistics(images: HostImages) -> tuple[np.ndarray, np.ndarray]:
  """Returns mean and standard deviation of each channel, `f64[C]`, exactly."""
  total = np.zeros(images.shape[-1], np.int64)
  square = np.zeros_like(total)
  for rows in _chunks(np.arange(len(images))):
    pixels = images[rows].astype(np.int64)
    total += pixels.sum(axis=(0, 1, 2))
    square += (pixels**2).sum(axis=(0, 1, 2))
  count = images.size // images.shape[-1]
  mean = total / count
  variance = np.maximum(square / count - mean**2, 0)
  return mean, np.sqrt(np.where(variance > 0, variance, 1))


def _chunks(rows: np.ndarray) -> Iterator[np.ndarray]:
  for start in range(0, len(rows), _CHUNK):
    yield rows[start : start + _CHUNK]
