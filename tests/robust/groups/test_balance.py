"""Laws of balance and of tilted risks: which mass moves, and which stays."""

from __future__ import annotations

from dataclasses import replace

import chex
import jax
import jax.numpy as jnp
from marks import slow_but
import numpy as np
import pytest
from robust.robust_cases import CLASSES, GROUPS, KEY, rows, unscored

from rdd_jax.core.batch import Batch, training_loss
from rdd_jax.core.measure import Measure, by_cell, draw
from rdd_jax.core.risk import cvar, equal, mean, mix, worst
from rdd_jax.core.transform import DataSpec, DataView, Scores
from rdd_jax.robust import balance, tilt
from rdd_jax.robust.groups.balance import balanced


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
  """The mean of the worst `tail` of the mass, and what each loss adds to it."""
  left, share = tail, np.zeros(len(p))
  for i in np.argsort(-losses):
    used = min(left, p[i])
    share[i] = used / tail
    left -= used
  return share @ losses, share


@pytest.mark.parametrize('seed', slow_but((0,), range(3)))
@pytest.mark.parametrize('tail', [0.25, 0.8])
def test_nested_cvar_is_brute_force_in_value_and_gradient(seed, tail):
  rng = np.random.default_rng(seed)
  n = 24
  x = rng.normal(size=(n, 3)).astype(np.float32)
  theta = rng.normal(size=3).astype(np.float32)
  batch = jax.tree.map(lambda a: np.asarray(a)[:n], rows(seed))
  w, groups = batch.weights, batch.groups

  def brute():
    """The losses are quadratic: (x . theta)^2."""
    live, slopes = (x @ theta) ** 2, 2 * (x @ theta)[:, None] * x
    values, gradients, shares = [], [], []
    for g in range(GROUPS):
      members = np.flatnonzero(groups == g)
      p = w[members] / w[members].sum()
      value, share = cvar_by_sorting(live[members], p, tail)
      values.append(value)
      gradients.append(share @ slopes[members])
      shares.append(w[members].sum() / w.sum())
    worst_one = int(np.argmax(values))
    return (
      0.5 * np.dot(shares, values) + 0.5 * values[worst_one],
      0.5 * np.dot(shares, gradients) + 0.5 * gradients[worst_one],
    )

  risk = mix((0.5, mean()), (0.5, worst()))

  def ours(theta):
    live = (x @ theta) ** 2
    weights = tilted(risk, cvar(tail), batch, jax.lax.stop_gradient(live))
    return training_loss(live, replace(batch, weights=weights), CLASSES)

  value, gradient = jax.jit(jax.value_and_grad(ours))(theta)
  expected, slope = brute()
  np.testing.assert_allclose(value, expected, rtol=1e-5)
  np.testing.assert_allclose(gradient, slope, rtol=1e-4, atol=1e-5)
