"""Laws of calibration: temperatures, and the error that they leave."""

from __future__ import annotations

import numpy as np
import pytest

from rdd_jax.evaluation import calibration

CLASSES = 4


def judged(seed: int = 0, n: int = 401) -> tuple[np.ndarray, np.ndarray]:
  """Logits of a network that is too sure, and labels."""
  rng = np.random.default_rng(seed)
  labels = rng.integers(0, CLASSES, n)
  logits = rng.normal(size=(n, CLASSES)) + 1.2 * np.eye(CLASSES)[labels]
  return 3 * logits, labels


def log_loss(logits: np.ndarray, labels: np.ndarray) -> float:
  p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
  return -np.log(p[np.arange(len(labels)), labels]).mean()


@pytest.mark.parametrize('seed', range(3))
def test_temperature_equals_a_search_over_a_grid(seed):
  logits, labels = judged(seed)
  grid = np.geomspace(0.5, 20, 801)
  losses = [log_loss(logits / t, labels) for t in grid]
  found = calibration.temperature(logits, labels)
  best = int(np.argmin(losses))
  assert grid[best - 1] < found < grid[best + 1]
  assert log_loss(logits / found, labels) <= min(losses)


@pytest.mark.parametrize('c', [1e-3, 0.3, 50.0])
def test_temperature_scales_with_the_logits(c):
  logits, labels = judged()
  expected = c * calibration.temperature(logits, labels)
  found = calibration.temperature(c * logits, labels)
  assert found == pytest.approx(expected, rel=1e-9)
  expected = calibration.scaled_ece(logits, labels)
  found = calibration.scaled_ece(c * logits, labels)
  assert found == pytest.approx(expected, abs=1e-9)
  shifted = logits + np.arange(len(logits))[:, None]
  found = calibration.temperature(shifted, labels)
  assert found == pytest.approx(calibration.temperature(logits, labels))


def test_temperatures_at_the_ends_and_where_none_matters():
  logits, labels = judged()
  unit = np.sqrt(np.square(logits - logits.mean(1, keepdims=True)).mean())
  best = logits.argmax(1)
  assert calibration.temperature(logits, best) == pytest.approx(unit / 100)
  wrong = (best + 1) % CLASSES
  assert calibration.temperature(logits, wrong) == pytest.approx(100 * unit)
  assert calibration.temperature(0 * logits, labels) == 1
  assert calibration.temperature(logits[:0], labels[:0]) == 1
  assert calibration.temperature(np.nan * logits, labels) == 1
  assert np.isnan(calibration.scaled_ece(np.nan * logits, labels))
  one = calibration.scaled_ece(logits[:1], labels[:1])
  assert one == calibration.ece(logits[:1], labels[:1])


def test_scaled_calibration_error_is_cross_fitted():
  logits, labels = judged()
  even, odd = slice(0, None, 2), slice(1, None, 2)
  scaled = logits.copy()
  scaled[even] /= calibration.temperature(logits[odd], labels[odd])
  scaled[odd] /= calibration.temperature(logits[even], labels[even])
  found = calibration.scaled_ece(logits, labels)
  assert found == pytest.approx(calibration.ece(scaled, labels))
  assert found < calibration.ece(logits, labels) / 2
