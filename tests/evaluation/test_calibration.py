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


def symmetric(share: float) -> np.ndarray:
  noise = np.full((CLASSES, CLASSES), share / (CLASSES - 1))
  np.fill_diagonal(noise, 1 - share)
  return noise


NOISES = {
  'none': np.eye(CLASSES),
  'symmetric': symmetric(0.2),
  'much': symmetric(0.45),
  'pairs': 0.6 * np.eye(CLASSES) + 0.4 * np.roll(np.eye(CLASSES), 1, 1),
}


def log_loss(
  logits: np.ndarray, labels: np.ndarray, noise: np.ndarray
) -> float:
  p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
  return -np.log((p @ noise)[np.arange(len(labels)), labels]).mean()


def drawn(t: float, noise: np.ndarray, n: int = 40_000) -> tuple:
  """Logits whose softmax at a temperature is the law of the true labels."""
  rng = np.random.default_rng(0)
  logits = 3 * rng.normal(size=(n, CLASSES))
  true = (logits / t + rng.gumbel(size=logits.shape)).argmax(1)
  given = (np.log(noise + 1e-300)[true] + rng.gumbel(size=logits.shape)).argmax(
    1
  )
  return logits, true, given


@pytest.mark.parametrize('noise', NOISES.values(), ids=NOISES)
@pytest.mark.parametrize('seed', range(3))
def test_temperature_equals_a_search_over_a_grid(seed, noise):
  logits, labels = judged(seed)
  grid = np.geomspace(0.2, 20, 801)
  losses = [log_loss(logits / t, labels, noise) for t in grid]
  found = calibration.temperature(logits, labels, noise)
  best = int(np.argmin(losses))
  assert grid[best - 1] < found < grid[best + 1]
  assert log_loss(logits / found, labels, noise) <= min(losses) + 1e-12


def test_without_noise_the_identity_is_the_noise():
  logits, labels = judged()
  exact = calibration.temperature(logits, labels)
  found = calibration.temperature(logits, labels, np.eye(CLASSES))
  assert found == pytest.approx(exact, rel=1e-6)


def test_a_calibrated_network_is_left_as_it_is():
  logits, labels, _ = drawn(1.0, NOISES['none'])
  assert calibration.temperature(logits, labels) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize('t', [0.3, 2.5])
@pytest.mark.parametrize('noise', NOISES.values(), ids=NOISES)
def test_the_temperature_of_true_labels_is_found_from_noisy_ones(t, noise):
  logits, true, given = drawn(t, noise)
  found = calibration.temperature(logits, given, noise)
  assert found == pytest.approx(t, rel=0.04)
  assert calibration.ece(logits / found, true) < 0.02
  unaware = calibration.temperature(logits, given)
  wrong = 1 - noise[0, 0]
  assert unaware >= found * (1 + wrong) - 1e-6  # unsure for no reason


def test_a_temperature_of_several_networks_is_that_of_all_their_rows():
  logits, labels = judged()
  both = np.stack([logits, -logits])
  found = calibration.shared_temperature(both, labels, NOISES['pairs'])
  pooled = calibration.temperature(
    both.reshape(-1, CLASSES), np.tile(labels, 2), NOISES['pairs']
  )
  assert found == pooled
  both[1, 0, 0] = np.inf
  found = calibration.shared_temperature(both, labels)
  assert found == calibration.temperature(logits, labels)
  assert calibration.shared_temperature(both[1:], labels) == 1


def test_the_error_is_read_from_the_reliability_diagram():
  logits, labels = judged()
  found = calibration.reliability(logits, labels, bins=7)
  p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
  edges = np.linspace(0, 1, 8)
  for m in range(7):
    inside = (p.max(1) > edges[m]) & (p.max(1) <= edges[m + 1])
    assert found.share[m] == pytest.approx(inside.mean())
    if inside.any():
      right = (p.argmax(1) == labels)[inside].mean()
      assert found.accuracy[m] == pytest.approx(right)
      assert found.confidence[m] == pytest.approx(p.max(1)[inside].mean())
  gaps = found.share * np.abs(found.accuracy - found.confidence)
  assert calibration.ece(logits, labels, 7) == pytest.approx(gaps.sum())


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
