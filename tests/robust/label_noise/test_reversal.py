"""Laws of flips that were found backwards."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax.robust.label_noise import crossfit, estimate, reversal
from rdd_jax.robust.label_noise.transition import compose

K, N = 5, 2400
NEXT = np.roll(np.eye(K), 1, axis=1)
CHAIN = 0.58 * np.eye(K) + 0.42 * NEXT


@pytest.mark.parametrize('size', [2, 3, 5])
def test_a_chain_turned_round_twice_is_itself(size):
  classes = np.arange(size)
  chain = np.eye(K)
  flips = 0.6 * np.eye(size) + 0.4 * np.roll(np.eye(size), 1, axis=1)
  chain[:size, :size] = flips
  once = reversal.turned(chain, classes)
  np.testing.assert_allclose(once.sum(1), 1, rtol=1e-5)
  np.testing.assert_allclose(once[:size, :size], flips.T, atol=1e-5)
  twice = reversal.turned(once, classes)
  np.testing.assert_allclose(twice, chain, atol=1e-5)


def test_only_groups_with_a_doubtful_class_are_turned():
  flips = np.eye(7)
  flips[:3, :3] = 0.52 * np.eye(3) + 0.48 * np.roll(np.eye(3), 1, axis=1)
  flips[3:5, 3:5] = [[0.55, 0.45], [0.55, 0.45]]
  flips[5:, 5:] = [[0.6, 0.4], [0.4, 0.6]]
  first, second = reversal.doubtful(flips)
  np.testing.assert_array_equal(first, [3, 4])
  np.testing.assert_array_equal(second, [0, 1, 2])


@pytest.mark.parametrize('turns', [True, False])
def test_classes_that_a_start_confuses_are_found_again(monkeypatch, turns):
  """From where every class is taken for the next one."""
  rng = np.random.default_rng(0)
  truth = rng.permutation(np.arange(N) % K)
  scores = np.eye(K)[truth] + rng.normal(0, 0.42, (N, K))
  labels = jnp.asarray(np.where(rng.random(N) < 0.42, truth + 1, truth) % K)
  halves = crossfit.folds(jax.random.key(0), labels).halves
  backwards = compose(jnp.full(K, 0.6), jnp.asarray(NEXT.T))
  monkeypatch.setattr(estimate, '_shown', lambda *_: backwards)
  scores = jnp.asarray(scores, jnp.float32)
  if not turns:
    monkeypatch.setattr(reversal, 'doubtful', lambda _: [])
  model = estimate.estimate(scores, labels, halves)[0]
  right = (model.clean.argmax(1) == truth).mean()
  if turns:
    np.testing.assert_allclose(model.transition, CHAIN, atol=0.06)
    assert right >= 0.8
  else:
    assert right <= 0.1
