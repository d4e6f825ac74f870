"""Laws of mixup, and of a choice between it and CutMix."""

from __future__ import annotations

import chex
from images.mix_cases import batch
import jax
import jax.numpy as jnp
import numpy as np

from rdd_jax.core.batch import Batch
from rdd_jax.images.mixup import mix, mixup

KEYS = jax.random.split(jax.random.key(0), 2000)


def many(rows: Batch, *given: float) -> Batch:
  """Rows after `mix`, for each of the keys."""
  return jax.jit(jax.vmap(lambda key: mix(key, rows, *given)))(KEYS)


def test_mixup_mixes_targets_as_it_mixes_images():
  """Two rows, in one share for the whole batch, which is Beta(a, a)."""
  rows = batch(6)
  mixed = many(rows, 0.0, 1.0, 0.8)
  # Row i is of the constant i, so that a pixel is the mean of the numbers.
  said = mixed.targets @ jnp.arange(6.0)
  chex.assert_trees_all_close(mixed.inputs[..., 3, 4, 0], said, atol=1e-5)
  chex.assert_trees_all_close(mixed.targets.sum(-1), jnp.ones((2000, 6)))
  for field in ('weights', 'cells', 'groups', 'index'):
    assert (getattr(mixed, field) == getattr(rows, field)[None]).all()
  own = jnp.einsum('knn->kn', mixed.targets)
  keep = np.asarray(own.min(1))  # of rows that are not their own partner
  assert abs(keep.mean() - 0.5) < 0.03
  variance = 1 / (4 * (2 * 0.8 + 1))  # of Beta(0.8, 0.8)
  assert abs(keep.var() - variance) < 0.01
  others = (own > keep[:, None] + 1e-4).sum(1)  # partners of themselves
  assert 0.8 < float(others.mean()) < 1.2


def test_mixup_takes_in_proportion_to_weight_and_never_from_masked_rows():
  rows = batch(6, weights=jnp.array([1.0, 0, 2, 0, 4, 1]))
  mixed = many(rows, 0.0, 1.0)
  measure = jnp.einsum('kn,kno->ko', mixed.weights, mixed.targets).mean(0)
  chex.assert_trees_all_close(measure, rows.weights, atol=0.15)
  assert float(measure[1] + measure[3]) == 0


def test_mixup_of_probability_zero_is_the_identity():
  rows = batch(4)
  chex.assert_trees_all_equal(mixup(KEYS[0], rows, probability=0.0), rows)


def test_of_both_a_step_uses_one():
  """Each in half of the steps, and each as it would do it alone."""
  rows = batch(6)
  cut, blended = (many(rows, *alone) for alone in ((1.0,), (0.0, 1.0)))
  both = many(rows, 1.0, 1.0)
  same = [
    np.asarray(jnp.abs(both.inputs - one.inputs).max((1, 2, 3, 4)) == 0)
    for one in (cut, blended)
  ]
  assert (same[0] | same[1]).all()
  assert 0.45 < same[0].mean() < 0.55
  half = many(rows, 1.0, 0.5)
  untouched = (half.inputs == rows.inputs[None]).all((1, 2, 3, 4)).mean()
  assert 0.2 < float(untouched) < 0.3
