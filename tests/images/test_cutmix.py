"""Laws of CutMix."""

from __future__ import annotations

from functools import partial

import chex
from images.mix_cases import batch
import jax
import jax.numpy as jnp

from rdd_jax.core.batch import Batch
from rdd_jax.images import cutmix


@jax.jit
def mix_many(b: Batch) -> Batch:
  keys = jax.random.split(jax.random.key(0), 2000)
  return jax.vmap(lambda k: cutmix.cutmix(k, b, probability=1.0))(keys)


def test_cutmix_mixes_targets_as_it_mixes_pixels():
  b = batch(6)
  mixed = mix_many(b)
  shares = jax.nn.one_hot(mixed.inputs[..., 0].astype(int), 6).mean((2, 3))
  chex.assert_trees_all_close(mixed.targets, shares, atol=1e-6)
  for field in ('weights', 'cells', 'groups', 'index'):
    assert (getattr(mixed, field) == getattr(b, field)[None]).all()
  kept = jnp.einsum('knn->kn', mixed.targets)
  assert kept.min() < 0.1
  assert 0.5 < float(kept.mean()) < 0.9


def test_cutmix_takes_in_proportion_to_weight_and_never_from_masked_rows():
  b = batch(6, weights=jnp.array([1.0, 0, 2, 0, 4, 1]))
  mixed = mix_many(b)
  measure = jnp.einsum('kn,kno->ko', mixed.weights, mixed.targets).mean(0)
  chex.assert_trees_all_close(measure, b.weights, atol=0.15)
  assert float(measure[1] + measure[3]) == 0


def test_cutmix_of_probability_zero_is_the_identity():
  b = batch(4)
  never = jax.jit(partial(cutmix.cutmix, beta=2.0, probability=0.0))
  chex.assert_trees_all_equal(never(jax.random.key(0), b), b)
