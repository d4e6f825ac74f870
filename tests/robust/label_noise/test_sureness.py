"""Laws of how sure probabilities are, and of transitions that fit them."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax.robust.label_noise import sureness
from rdd_jax.robust.label_noise.sureness import ERRORS

sharpened = jax.jit(sureness.sharpened)
refitted = jax.jit(sureness.refitted)
CLASSES, N = 4, 4000


def soft(seed: int = 0) -> np.ndarray:
  rng = np.random.default_rng(seed)
  return rng.dirichlet(np.full(CLASSES, 0.5), N).astype(np.float32)


@pytest.mark.parametrize('disagreement', [0.02, 0.1, 0.15])
def test_probabilities_become_as_sure_as_probes_agree(disagreement):
  clean = soft()
  assert clean.max(1).mean() < 1 - ERRORS * disagreement
  assert sureness.is_short(jnp.asarray(clean), disagreement)
  found = np.asarray(sharpened(clean, disagreement))
  np.testing.assert_allclose(found.sum(1), 1, rtol=1e-4)
  least = 1 - ERRORS * disagreement
  np.testing.assert_allclose(found.max(1).mean(), least, atol=1e-3)
  order = np.argsort(clean, 1)
  ranked = np.take_along_axis(found, order, 1)
  assert (np.diff(ranked, axis=1) >= 0).all()


@pytest.mark.parametrize('disagreement', [0.3, 0.6, 1.0])
def test_probabilities_that_are_sure_stay(disagreement):
  clean = soft()
  assert not sureness.is_short(jnp.asarray(clean), disagreement)
  np.testing.assert_allclose(sharpened(clean, disagreement), clean, atol=1e-4)


@pytest.mark.parametrize('rate', [0.1, 0.4])
def test_transitions_are_those_of_the_world(rate):
  rng = np.random.default_rng(0)
  clean = np.asarray(sharpened(soft(), 0.05))
  truth = (clean.cumsum(1) > rng.random(N)[:, None]).argmax(1)
  wrong = rng.random(N) < rate
  labels = np.where(wrong, (truth + 1) % CLASSES, truth)
  known = (1 - rate) * np.eye(CLASSES)
  known += rate * np.roll(np.eye(CLASSES), 1, axis=1)
  start = np.full((CLASSES, CLASSES), 1 / CLASSES, np.float32)
  start += 0.2 * np.eye(CLASSES, dtype=np.float32)
  start /= start.sum(1, keepdims=True)
  found = np.asarray(refitted(clean, start, labels))
  np.testing.assert_allclose(found.sum(1), 1, rtol=1e-4)
  assert np.abs(found - known).sum(1).mean() <= 0.1
