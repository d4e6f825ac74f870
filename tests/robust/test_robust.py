"""Laws of robustness methods: which mass moves, and which stays."""

from __future__ import annotations

from dataclasses import replace

import chex
import jax
import jax.numpy as jnp
from marks import slow_but
import numpy as np
import optax
import pytest

from rdd_jax.core.batch import NOWHERE, Batch, bucket, take, training_loss
from rdd_jax.core.measure import Measure, by_cell, draw
from rdd_jax.core.risk import cvar, equal, mean, mix, worst
from rdd_jax.core.transform import DataSpec, DataView, EmptyState, Scores
from rdd_jax.robust import balance, expose_outliers, tilt
from rdd_jax.robust.groups.balance import balanced

CLASSES, GROUPS = 4, 3
KEY = jax.random.key(5)


def measure(seed: int, n: int = 300) -> Measure:
  """Long-tailed groups, some rows of none, and one group absent of a cell."""
  rng = np.random.default_rng(seed)
  cells = rng.integers(0, CLASSES, n)
  groups = rng.choice([0, 1, 2, -1, 7], n, p=[0.7, 0.15, 0.05, 0.05, 0.05])
  groups[(cells == 1) & (groups == 2)] = 0
  weights = rng.uniform(0, 2, n) * (rng.random(n) < 0.9)
  return Measure(
    targets=jnp.eye(CLASSES)[cells],
    weights=jnp.asarray(weights, jnp.float32),
    cells=jnp.asarray(cells, jnp.int32),
    groups=jnp.asarray(groups, jnp.int32),
  )


def unscored(*_) -> Scores:
  pytest.fail('nothing here needs scores')


def table(m: Measure) -> np.ndarray:
  """Mass of each cell and group, by a loop."""
  mass = np.zeros((CLASSES, GROUPS))
  for cell, group, weight in zip(m.cells, m.groups, m.weights, strict=True):
    if 0 <= group < GROUPS:
      mass[cell, group] += weight
  return mass


@pytest.mark.parametrize('seed', range(3))
def test_balanced_equalises_groups_and_keeps_cells(seed):
  before, after = measure(seed), balanced(measure(seed), CLASSES, GROUPS)
  old, new = table(before), table(after)
  np.testing.assert_allclose(new.sum(1), old.sum(1), rtol=1e-5)
  for cell in range(CLASSES):
    present = old[cell] > 0
    share = old[cell].sum() / present.sum()
    np.testing.assert_allclose(new[cell], present * share, rtol=1e-5)


@pytest.mark.parametrize('seed', range(3))
def test_balanced_twice_is_balanced_once(seed):
  once = balanced(measure(seed), CLASSES, GROUPS)
  twice = balanced(once, CLASSES, GROUPS)
  chex.assert_trees_all_close(twice, once, rtol=1e-5)


def test_balanced_keeps_proportions_within_a_group():
  before, after = measure(0), balanced(measure(0), CLASSES, GROUPS)
  here = (before.cells == 0) & (before.groups == 1) & (before.weights > 0)
  ratio = np.asarray(after.weights / before.weights)[np.asarray(here)]
  np.testing.assert_allclose(ratio, ratio[0], rtol=1e-5)


def test_balanced_leaves_rows_of_no_group():
  before, after = measure(1), balanced(measure(1), CLASSES, GROUPS)
  none = (before.groups < 0) | (before.groups >= GROUPS)
  chex.assert_trees_all_equal(after.weights[none], before.weights[none])
  chex.assert_trees_all_equal(replace(after, weights=before.weights), before)


def test_balance_acts_on_draws_and_not_on_batches():
  t = balance(CLASSES, GROUPS)
  spec = DataSpec(300, CLASSES, CLASSES, CLASSES, GROUPS)
  data = DataView(jnp.zeros((300, 1)), jnp.zeros(300), unscored)
  before = measure(2)
  after, state = t.prepare(before, t.init(spec), key=KEY, data=data)
  chex.assert_trees_all_equal(after, balanced(before, CLASSES, GROUPS))
  grouped = replace(
    after, weights=jnp.where(after.groups < 0, 0.0, after.weights)
  )
  batch = draw(KEY, jnp.zeros((300, 1)), grouped, 400, by_cell(CLASSES))
  same, _ = t.update(batch, state, key=KEY, score=unscored, synthetic=batch)
  chex.assert_trees_all_equal(same, batch)
  counts = np.bincount(np.asarray(batch.groups[:100]), minlength=8)[:GROUPS]
  assert counts.max() - counts.min() <= 3  # Of one cell; 70 : 15 : 5 before.


def rows(seed: int, n: int = 40) -> Batch:
  rng = np.random.default_rng(seed)
  labels = jnp.asarray(rng.integers(0, CLASSES, n), jnp.int32)
  return Batch(
    inputs=jnp.asarray(rng.uniform(size=(n, 2, 2, 1)), jnp.float32),
    targets=jax.nn.one_hot(labels, CLASSES),
    weights=jnp.asarray(rng.uniform(0.2, 2, n), jnp.float32),
    cells=labels,
    groups=jnp.asarray(rng.integers(0, GROUPS, n), jnp.int32),
    index=jnp.arange(n, dtype=jnp.int32),
  )


def tilted(risk, within, batch: Batch, losses) -> jax.Array:
  t = tilt(risk, GROUPS, within=within)
  new, _ = t.update(
    batch,
    t.init(DataSpec(40, CLASSES, CLASSES, CLASSES, GROUPS)),
    key=KEY,
    score=lambda b: Scores(losses, b.inputs, b.targets),
    synthetic=batch,
  )
  chex.assert_trees_all_equal(replace(new, weights=batch.weights), batch)
  return new.weights


@pytest.mark.parametrize('seed', range(3))
def test_tilt_by_means_changes_nothing(seed):
  batch = rows(seed)
  batch = replace(batch, groups=batch.groups - 1)  # Some rows of no group.
  losses = jax.random.normal(jax.random.key(seed), (40,))
  np.testing.assert_allclose(
    tilted(mean(), mean(), batch, losses), batch.weights, rtol=1e-5
  )


RISKS = {
  'worst': (worst(), cvar(0.3)),
  'paper': (mix((0.5, mean()), (0.5, worst())), cvar(0.3)),
  'equal': (equal(), mean()),
  'nested': (cvar(0.5), cvar(0.5)),
}


@pytest.mark.parametrize('name', RISKS)
def test_tilt_keeps_the_mass_of_grouped_rows_and_all_others(name):
  batch = rows(1)
  batch = replace(batch, groups=jnp.where(batch.cells == 0, 9, batch.groups))
  losses = jax.random.normal(KEY, (40,))
  new = tilted(*RISKS[name], batch, losses)
  alone = np.asarray(batch.cells == 0)
  np.testing.assert_array_equal(new[alone], batch.weights[alone])
  np.testing.assert_allclose(
    new[~alone].sum(), batch.weights[~alone].sum(), rtol=1e-5
  )
  assert (new >= 0).all()


def test_tilt_by_equal_gives_groups_the_same_mass():
  batch = rows(2)
  new = tilted(equal(), mean(), batch, jnp.zeros(40))
  mass = [new[np.asarray(batch.groups) == g].sum() for g in range(GROUPS)]
  np.testing.assert_allclose(mass, float(batch.weights.sum()) / 3, rtol=1e-5)


def test_tilt_leaves_masked_rows_masked():
  batch = rows(3)
  batch = replace(
    batch, weights=jnp.where(jnp.arange(40) < 10, 0.0, batch.weights)
  )
  losses = jnp.where(jnp.arange(40) < 10, 1e6, jnp.arange(40.0))
  new = tilted(*RISKS['paper'], batch, losses)
  assert (new[:10] == 0).all()


def cvar_by_sorting(losses, p, tail):
  """The mean of the worst `tail` of the mass, differentiable through sort."""
  order = np.argsort(-np.asarray(jax.lax.stop_gradient(losses)))
  left, value = tail, 0.0
  for i in order:
    used = min(left, p[i])
    value, left = value + used * losses[i] / tail, left - used
  return value


@pytest.mark.parametrize('seed', slow_but((0,), range(3)))
@pytest.mark.parametrize('tail', [0.25, 0.8])
def test_nested_cvar_is_brute_force_in_value_and_gradient(seed, tail):
  rng = np.random.default_rng(seed)
  n = 24
  x = jnp.asarray(rng.normal(size=(n, 3)), jnp.float32)
  theta = jnp.asarray(rng.normal(size=3), jnp.float32)
  batch = take(rows(seed), np.arange(n))
  w, groups = np.asarray(batch.weights), np.asarray(batch.groups)

  def losses(theta):
    return (x @ theta) ** 2

  def brute(theta):
    live, values, share = losses(theta), [], []
    for g in range(GROUPS):
      members = np.flatnonzero(groups == g)
      p = w[members] / w[members].sum()
      values.append(cvar_by_sorting(live[members], p, tail))
      share.append(w[members].sum() / w.sum())
    values = jnp.stack(values)
    return 0.5 * jnp.dot(np.array(share), values) + 0.5 * jnp.max(values)

  risk = mix((0.5, mean()), (0.5, worst()))

  def ours(theta):
    live = losses(theta)
    weights = tilted(risk, cvar(tail), batch, jax.lax.stop_gradient(live))
    return training_loss(live, replace(batch, weights=weights), CLASSES)

  np.testing.assert_allclose(ours(theta), brute(theta), rtol=1e-5)
  np.testing.assert_allclose(
    jax.grad(ours)(theta), jax.grad(brute)(theta), rtol=1e-4, atol=1e-5
  )


def outliers(batch: Batch, key=KEY, corruption=None, **options) -> Batch:
  t = expose_outliers(
    corruption or (lambda key, pixels: 1 - pixels),
    CLASSES,
    to_pixels=lambda x: (x + 1) / 2,
    to_inputs=lambda p: 2 * p - 1,
    **options,
  )
  new, _ = t.update(
    batch,
    t.init(DataSpec(1, CLASSES, CLASSES, CLASSES + 1, 0)),
    key=key,
    score=unscored,
    synthetic=batch,
  )
  n = len(batch.weights)
  chex.assert_trees_all_equal(take(new, np.arange(n)), batch)
  return take(new, np.arange(n, len(new.weights)))


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

  added = outliers(batch, corruption=corruption, rows=40)
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
    added = outliers(
      batch, jax.random.key(seed), lambda key, p: p, rows=m, weight=0.5
    )
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
  both = jax.tree.map(lambda *x: jnp.concatenate(x), batch, added)
  w = jax.random.normal(jax.random.key(0), (4, CLASSES))

  def losses(b):
    logits = b.inputs.reshape(-1, 4) @ w
    return optax.softmax_cross_entropy(logits, b.targets)

  plain = training_loss(losses(batch), batch, CLASSES)
  value = training_loss(losses(both), both, CLASSES)
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
  both = jax.tree.map(lambda *x: jnp.concatenate(x), batch, added)
  dealt, dropped = bucket(both, CLASSES + 2, 40)
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
