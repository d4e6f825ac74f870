"""Laws of batches: dealing to cells, grouped means, the training loss."""

from __future__ import annotations

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from rdd_jax.core.batch import (
  NOWHERE,
  Batch,
  bucket,
  concat,
  group_mean,
  take,
  training_loss,
)


def rows(seed: int, n: int, num_classes: int = 3, lowest: int = 0) -> Batch:
  """Rows with integer weights, some of them 0, so that sums are exact."""
  rng = np.random.default_rng(seed)
  targets = rng.dirichlet(np.ones(num_classes), n)
  return Batch(
    inputs=jnp.asarray(rng.normal(size=(n, 2, 3)), jnp.float32),
    targets=jnp.asarray(targets, jnp.float32),
    weights=jnp.asarray(rng.integers(0, 4, n), jnp.float32),
    cells=jnp.asarray(rng.integers(lowest, num_classes + 2, n), jnp.int32),
    groups=jnp.asarray(rng.integers(-1, 3, n), jnp.int32),
    index=jnp.asarray(rng.permutation(n), jnp.int32),
  )


deal = jax.jit(bucket, static_argnums=(1, 2))


def dealt_by_loop(batch: Batch, k: int, capacity: int) -> tuple:
  """Row numbers of each cell in order of arrival, and the mass left over."""
  cells = [[] for _ in range(k)]
  dropped = np.zeros(k)
  for row in range(len(batch.weights)):
    cell, weight = int(batch.cells[row]), float(batch.weights[row])
    if not 0 <= cell < k or weight == 0:
      continue
    if len(cells[cell]) < capacity:
      cells[cell].append(row)
    else:
      dropped[cell] += weight
  return cells, dropped


@pytest.mark.parametrize('seed', range(4))
@pytest.mark.parametrize(
  ('n', 'k', 'capacity'),
  [
    (1, 1, 1),
    (20, 3, 4),
    pytest.param(50, 5, 2, marks=pytest.mark.slow),
    pytest.param(13, 4, 40, marks=pytest.mark.slow),
  ],
)
def test_bucket_is_a_loop_over_rows(seed, n, k, capacity):
  batch = rows(seed, n, num_classes=k, lowest=-3)
  dealt, dropped = jax.device_get(deal(batch, k, capacity))
  batch = jax.device_get(batch)  # rows of which are taken without compiling
  cells, expected = dealt_by_loop(batch, k, capacity)
  np.testing.assert_array_equal(dropped, expected)
  chex.assert_tree_shape_prefix(dealt, (k, capacity))
  for cell, members in enumerate(cells):
    m = len(members)
    here = jax.tree.map(lambda leaf, c=cell, m=m: leaf[c, :m], dealt)
    chex.assert_trees_all_equal(here, take(batch, np.array(members, int)))
    np.testing.assert_array_equal(dealt.weights[cell, m:], 0)


def test_bucket_keeps_all_mass_where_there_is_room():
  batch = rows(0, 30)
  dealt, dropped = deal(batch, 5, 30)
  assert float(dropped.sum()) == 0
  assert float(dealt.weights.sum()) == float(batch.weights.sum())


def test_gradient_through_bucket_reaches_dealt_rows_only():
  batch = rows(1, 12, lowest=-1)

  def total(inputs):
    moved = Batch(**{**vars(batch), 'inputs': inputs})
    dealt, _ = bucket(moved, 3, 2)
    return jnp.einsum('kc,kcij->', dealt.weights, dealt.inputs)

  grad = jax.jit(jax.grad(total))(batch.inputs)
  expected = np.zeros(12)
  for members in dealt_by_loop(batch, 3, 2)[0]:
    expected[members] = batch.weights[np.array(members, int)]
  np.testing.assert_array_equal(np.asarray(grad)[:, 0, 0], expected)


@pytest.mark.parametrize('seed', range(4))
@pytest.mark.parametrize('shape', [(), (3,)])
def test_group_mean_is_a_loop_over_groups(seed, shape):
  rng = np.random.default_rng(seed)
  n, k = 25, 6
  values = rng.normal(size=(n, *shape)).astype(np.float32)
  weights = rng.integers(0, 3, n).astype(np.float32)
  ids = rng.integers(-2, k + 2, n)
  ids[ids == 4] = 0  # A group without rows.
  means, mass = group_mean(values, weights, ids, k)
  for g in range(k):
    member = ids == g
    assert float(mass[g]) == weights[member].sum()
    expected = (
      np.average(values[member], 0, weights[member])
      if weights[member].sum()
      else np.zeros(shape)
    )
    np.testing.assert_allclose(means[g], expected, rtol=1e-5, atol=1e-6)


def test_concat_keeps_order():
  a, b = rows(0, 4), rows(1, 7)
  both = concat(a, b)
  chex.assert_trees_all_equal(take(both, np.arange(4)), a)
  chex.assert_trees_all_equal(take(both, np.arange(4, 11)), b)


def test_take_has_the_shape_of_its_rows():
  picked = take(rows(0, 9), np.array([[1, 2, 3], [8, 8, 0]]))
  chex.assert_tree_shape_prefix(picked, (2, 3))


@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize('lam', [0.0, 0.5, 2.0])
def test_outlier_rows_add_exactly_lambda_times_u(seed, lam):
  with jax.enable_x64(True):
    rng = np.random.default_rng(seed)
    n, m, o = 8, 5, 4
    logits = rng.normal(size=(n + m, o))
    labels = rng.integers(0, o, n)
    weights = rng.uniform(0, 2, n)
    logp = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    ce = -np.average(logp[np.arange(n), labels], weights=weights)
    uniform = -logp[n:].mean()
    batch = Batch(
      inputs=jnp.zeros((n + m, 1)),
      targets=jnp.concatenate([jnp.eye(o)[labels], jnp.full((m, o), 1 / o)]),
      weights=jnp.concatenate(
        [jnp.asarray(weights), jnp.full(m, lam * weights.sum() / m)]
      ),
      cells=jnp.concatenate([jnp.asarray(labels), o + jnp.arange(m) % 2]),
      groups=jnp.full(n + m, -1),
      index=jnp.full(n + m, NOWHERE),
    )
    losses = optax.softmax_cross_entropy(jnp.asarray(logits), batch.targets)
    value = training_loss(losses, batch, o)
    np.testing.assert_allclose(value, ce + lam * uniform, rtol=1e-14)


def test_masked_rows_do_not_matter_to_the_training_loss():
  batch = rows(3, 20)
  losses = jnp.arange(20.0)
  kept = np.flatnonzero(np.asarray(batch.weights))
  np.testing.assert_allclose(
    training_loss(losses, batch, 3),
    training_loss(losses[kept], take(batch, kept), 3),
    rtol=1e-6,
  )


def test_training_loss_ignores_the_unit_of_weight():
  batch = rows(4, 20)
  losses = jnp.arange(20.0)
  doubled = Batch(**{**vars(batch), 'weights': 2 * batch.weights})
  chex.assert_trees_all_close(
    training_loss(losses, batch, 3), training_loss(losses, doubled, 3)
  )


def test_training_loss_of_no_rows_is_zero():
  batch = Batch(**{**vars(rows(5, 6)), 'weights': jnp.zeros(6)})
  assert float(training_loss(jnp.ones(6), batch, 3)) == 0


@pytest.mark.parametrize('seed', range(3))
def test_cross_entropy_to_uniform_is_logsumexp_minus_mean(seed):
  logits = jax.random.normal(jax.random.key(seed), (6, 5)) * 3
  losses = optax.softmax_cross_entropy(logits, jnp.full((6, 5), 1 / 5))
  expected = jax.nn.logsumexp(logits, 1) - logits.mean(1)
  np.testing.assert_allclose(losses, expected, rtol=1e-5)


def test_nowhere_is_dropped_by_scatters():
  memory = jnp.zeros(10).at[jnp.array([3, NOWHERE])].set(1.0, mode='drop')
  assert float(memory.sum()) == 1
