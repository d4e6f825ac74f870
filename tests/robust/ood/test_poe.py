"""Laws of exposure to outliers: whose mass they have, and where they go."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from robust.robust_cases import CLASSES, KEY, rows, unscored

from rdd_jax import networks
from rdd_jax.core.batch import NOWHERE, Batch, bucket, training_loss
from rdd_jax.core.transform import (
  DataSpec,
  EmptyState,
  Transform,
  identity,
)
from rdd_jax.networks import Variables
from rdd_jax.robust import expose_outliers
from rdd_jax.training.fit import fit_many
from rdd_jax.training.recipe import Recipe


def unchanged(key, pixels):
  return pixels


def inverted(key, pixels):
  return 1 - pixels


@cache
def update(corruption, **options):
  t = expose_outliers(
    corruption,
    CLASSES,
    to_pixels=lambda x: (x + 1) / 2,
    to_inputs=lambda p: 2 * p - 1,
    **options,
  )
  state = t.init(DataSpec(1, CLASSES, CLASSES, CLASSES + 1, 0))
  return lambda batch, key: t.update(
    batch, state, key=key, score=unscored, synthetic=batch
  )[0]


@cache
def compiled(corruption, **options):
  return jax.jit(update(corruption, **options))


def outliers(
  batch: Batch, key=KEY, corruption=inverted, by=compiled, **options
) -> Batch:
  """What is added, in NumPy; `by=update` shows a corruption its values."""
  found = by(corruption, **options)(batch, key)
  new, n = jax.tree.map(np.asarray, found), len(batch.weights)
  chex.assert_trees_all_equal(jax.tree.map(lambda x: x[:n], new), batch)
  return jax.tree.map(lambda x: x[n:], new)


@pytest.mark.parametrize('rows_', [None, 1, 7, 90])
@pytest.mark.parametrize('lam', [0.0, 0.5, 2.0])
def test_outliers_have_lambda_times_the_mass(rows_, lam):
  batch = rows(0)
  added = outliers(batch, weight=lam, rows=rows_)
  assert len(added.weights) == (rows_ or 40)
  np.testing.assert_allclose(
    added.weights.sum(), lam * batch.weights.sum(), rtol=1e-5
  )
  assert np.ptp(added.weights) == 0


def test_outliers_belong_nowhere():
  batch = rows(1)
  added = outliers(batch, slots=3)
  np.testing.assert_array_equal(added.targets, 1 / CLASSES)
  np.testing.assert_array_equal(added.groups, -1)
  np.testing.assert_array_equal(added.index, NOWHERE)
  np.testing.assert_array_equal(
    np.bincount(added.cells), [0] * CLASSES + [14, 13, 13]
  )
  chex.assert_trees_all_equal_dtypes(added, batch)


def test_a_reject_class_takes_all_outliers():
  batch = rows(2)
  targets = jnp.pad(batch.targets, ((0, 0), (0, 1)))
  added = outliers(replace(batch, targets=targets))
  np.testing.assert_array_equal(added.targets, np.eye(5)[[CLASSES] * 40])


def test_outliers_are_corrupted_as_pixels():
  batch = rows(3)
  seen = []

  def corruption(key, pixels):
    seen.append((key, pixels))
    return pixels**2

  added = outliers(batch, corruption=corruption, by=update, rows=40)
  ((_, pixels),) = seen
  assert pixels.min() >= 0
  assert pixels.max() <= 1
  np.testing.assert_allclose(added.inputs, 2 * pixels**2 - 1, rtol=1e-6)
  np.testing.assert_allclose(  # Each row once, when as many as there are.
    np.sort(pixels.ravel()), np.sort((batch.inputs.ravel() + 1) / 2), rtol=1e-6
  )


def test_inputs_beyond_the_range_are_clipped_before_corruption():
  batch = replace(rows(3), inputs=3 * rows(3).inputs - 1.5)
  outliers(
    batch,
    corruption=lambda key, p: (
      chex.assert_trees_all_equal(p, jnp.clip(p, 0, 1)) or p
    ),
    by=update,
  )


@pytest.mark.parametrize('m', [5, 40, 60])
def test_only_live_in_distribution_rows_become_outliers(m):
  batch = rows(4)
  live = np.arange(40) % 2 == 0
  inside = np.arange(40) % 3 != 0
  batch = replace(
    batch,
    inputs=jnp.broadcast_to(
      jnp.arange(40.0)[:, None, None, None] / 40, (40, 2, 2, 1)
    ),
    weights=jnp.where(live, batch.weights, 0.0),
    cells=jnp.where(inside, batch.cells, CLASSES),
  )
  mass = np.asarray(batch.weights)[inside].sum()
  for seed in range(5):
    added = outliers(batch, jax.random.key(seed), unchanged, rows=m, weight=0.5)
    sources = np.round(np.asarray(added.inputs[:, 0, 0, 0]) * 40).astype(int)
    assert (live & inside)[sources].all()
    counts = np.bincount(sources, minlength=40)[live & inside]
    assert np.ptp(counts) <= 1  # Without replacement, then in turn.
    np.testing.assert_allclose(added.weights.sum(), 0.5 * mass, rtol=1e-5)


def test_outliers_differ_from_key_to_key_and_not_otherwise():
  batch = rows(5)
  first, again = outliers(batch, rows=10), outliers(batch, rows=10)
  chex.assert_trees_all_equal(first, again)
  other = outliers(batch, jax.random.key(1), rows=10)
  assert (first.inputs != other.inputs).any()


@pytest.mark.parametrize('lam', [0.0, 0.7])
def test_outliers_in_the_training_loss(lam):
  """CE + lambda * U, and with lambda = 0 as if there were none."""
  batch = rows(6)
  added = outliers(batch, weight=lam, rows=11)
  both = jax.tree.map(lambda *x: np.concatenate(x), batch, added)
  w = jax.random.normal(jax.random.key(0), (4, CLASSES))

  def losses(b):
    logits = b.inputs.reshape(-1, 4) @ w
    return optax.softmax_cross_entropy(logits, b.targets)

  loss = jax.jit(lambda b: training_loss(losses(b), b, CLASSES))
  plain, value = loss(batch), loss(both)
  np.testing.assert_allclose(
    value, plain + lam * losses(added).mean(), rtol=1e-5
  )


def test_no_live_row_no_outlier_mass():
  batch = replace(rows(7), weights=jnp.zeros(40))
  added = outliers(batch)
  np.testing.assert_array_equal(added.weights, 0)
  chex.assert_tree_all_finite(added)


def test_outliers_fill_their_slots_of_the_buckets():
  batch = rows(8)
  added = outliers(batch, slots=2)
  both = jax.tree.map(lambda *x: np.concatenate(x), batch, added)
  dealt, dropped = jax.jit(bucket, static_argnums=(1, 2))(both, CLASSES + 2, 40)
  assert float(dropped.sum()) == 0
  np.testing.assert_allclose(
    dealt.weights[CLASSES:].sum(), 0.5 * batch.weights.sum(), rtol=1e-5
  )


def test_outliers_inside_jit():
  t = expose_outliers(
    lambda key, p: jax.random.permutation(key, p, axis=1),
    CLASSES,
    to_pixels=lambda x: x,
    to_inputs=lambda x: x,
  )

  def run(batch, key):
    return t.update(
      batch, EmptyState(), key=key, score=unscored, synthetic=batch
    )

  chex.assert_trees_all_close(
    jax.jit(run)(rows(9), KEY), run(rows(9), KEY), rtol=1e-6
  )


@pytest.mark.parametrize('lam', [0.0, 0.5])
def test_networks_exposed_with_weight_zero_are_plain_ones(lam):
  net = networks.build('mlp', CLASSES, width=8)
  exposed = expose_outliers(
    lambda key, pixels: 1 - pixels,
    CLASSES,
    to_pixels=lambda x: x,
    to_inputs=lambda p: p,
    weight=lam,
  )

  def trained(student: Transform) -> Variables:
    return fit_many(
      net,
      rows(3),
      Recipe(epochs=20, learning_rate=0.05, batch_size=16),
      num_classes=CLASSES,
      input_shape=(2, 2, 1),
      seeds=jax.random.split(KEY, 2),
      student=student,
    )

  found, plain = trained(exposed), trained(identity())
  apart = jax.tree.map(lambda *of: np.abs(np.subtract(*of)).max(), found, plain)
  worst = float(max(jax.tree.leaves(apart)))
  assert worst < 1e-5 if lam == 0 else worst > 1e-2
