"""Laws of wrong labels that look like what they say."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax.robust.label_noise import resemblance as module
from rdd_jax.robust.label_noise import transition as noise
from rdd_jax.robust.label_noise.resemblance import MOST

resemblance = jax.jit(module.resemblance)
posterior, plain = jax.jit(module.posterior), jax.jit(noise.posterior)
CLASSES = 6
PARTNER = np.array([1, 0, 3, 2, 5, 4])  # the class that a probe confuses


def confused(n: int = 3000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
  """Classes, and probabilities that waver between each and its partner."""
  rng = np.random.default_rng(seed)
  truth = rng.integers(0, CLASSES, n)
  chance = rng.beta(2, 2, n)
  clean = np.full((n, CLASSES), 0.001)
  clean[np.arange(n), truth] += chance
  clean[np.arange(n), PARTNER[truth]] += 1 - chance
  clean /= clean.sum(1, keepdims=True)
  # What is likely happens as often.
  to = clean.cumsum(1) > rng.random(n)[:, None]
  return to.argmax(1), clean.astype(np.float32)


def flips(to: np.ndarray, rate: float = 0.4) -> np.ndarray:
  return ((1 - rate) * np.eye(CLASSES) + rate * to).astype(np.float32)


EVEN = (np.ones((CLASSES, CLASSES)) - np.eye(CLASSES)) / (CLASSES - 1)
ALIKE, UNLIKE = np.eye(CLASSES)[PARTNER], np.roll(np.eye(CLASSES), 2, axis=1)


def test_it_is_that_of_pairs_that_are_confused():
  _, clean = confused()
  assert resemblance(clean, flips(ALIKE)) == np.float32(MOST)
  for to in (UNLIKE, EVEN):
    assert resemblance(clean, flips(to)) == 0.0
  # No noise at all, and a single class.
  assert resemblance(clean, np.eye(CLASSES, dtype=np.float32)) == 0.0
  assert resemblance(jnp.ones((5, 1)), jnp.ones((1, 1))) == 0.0


def test_it_grows_with_what_goes_to_such_pairs():
  _, clean = confused()
  shares = (0.0, 0.1, 0.2, 0.3, 0.4)
  found = [
    float(resemblance(clean, flips(share * ALIKE + (1 - share) * EVEN)))
    for share in shares
  ]
  assert found == sorted(found)
  assert found[0] == 0.0 < found[1] < found[-1] <= MOST


def test_rates_and_names_of_classes_do_not_matter():
  _, clean = confused()
  to = 0.2 * ALIKE + 0.8 * EVEN
  found = resemblance(clean, flips(to))
  np.testing.assert_allclose(
    resemblance(clean, flips(to, 0.1)), found, rtol=1e-4
  )
  old = np.random.default_rng(0).permutation(CLASSES)
  moved = resemblance(clean[:, old], flips(to)[np.ix_(old, old)])
  np.testing.assert_allclose(moved, found, rtol=1e-4)


@pytest.mark.parametrize('to', [ALIKE, EVEN])
def test_without_resemblance_it_is_bayes_rule(to):
  _, clean = confused()
  labels = np.random.default_rng(1).integers(0, CLASSES, len(clean))
  np.testing.assert_allclose(
    posterior(clean, flips(to), labels, 0.0),
    plain(clean, flips(to), labels),
    atol=1e-4,
  )


@pytest.mark.parametrize('power', [0.3, 0.4])
def test_it_is_bayes_rule_where_flips_follow_the_image(power):
  """A world whose wrong labels are given as the module says."""
  truth, clean = confused(40_000)
  n, rng = len(truth), np.random.default_rng(2)
  rate = 0.25
  like = clean**power
  mean = np.stack(
    [
      np.average(like[:, PARTNER[i]], weights=clean[:, i])
      for i in range(CLASSES)
    ]
  )
  other = PARTNER[truth]
  chance = rate * like[np.arange(n), other] / mean[truth]
  labels = np.where(rng.random(n) < chance, other, truth)
  found = np.asarray(posterior(clean, flips(ALIKE, rate), labels, power))
  np.testing.assert_allclose(found.sum(1), 1, rtol=1e-4)
  mine, right = found[np.arange(n), labels], labels == truth
  assert abs(mine.mean() - right.mean()) <= 0.01
  for low in np.arange(0.1, 1.0, 0.2):
    rows = (mine >= low - 0.1) & (mine < low + 0.1)
    if rows.sum() > 300:
      by_chance = 3 * 0.5 / np.sqrt(rows.sum())
      assert abs(mine[rows].mean() - right[rows].mean()) <= 0.01 + by_chance
  # Bayes' rule of classes alone is too sure of labels that look right.
  blind = np.asarray(plain(clean, flips(ALIKE, rate), labels))
  sure = np.argsort(-blind[np.arange(n), labels])[: n // 2]
  assert blind[sure, labels[sure]].mean() > right[sure].mean() + 0.01
  assert abs(mine[sure].mean() - right[sure].mean()) <= 0.01


@pytest.mark.parametrize('power', [0.0, 0.4])
def test_what_is_not_known_is_zero(power):
  _, clean = confused(50)
  labels = np.zeros(50, int)
  before = np.asarray(posterior(clean, flips(ALIKE), labels, power))
  broken = clean.copy()
  broken[3] = np.nan
  found = np.asarray(posterior(broken, flips(ALIKE), labels, power))
  np.testing.assert_array_equal(found[3], 0)
  others = np.arange(50) != 3
  np.testing.assert_allclose(found[others], before[others], atol=0.05)


@pytest.mark.parametrize('power', [0.0, 0.4])
def test_classes_whose_labels_are_all_wrong_are_finite(power):
  _, clean = confused(60)
  labels = np.arange(60) % CLASSES
  found = posterior(clean, ALIKE.astype(np.float32), labels, power)
  assert np.isfinite(found).all()
