"""Laws of groups and of the risks over them, inside a network's training."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax.core.batch import Batch, concat, take
from rdd_jax.core.risk import cvar, equal, mean, mix, worst
from rdd_jax.core.transform import DataSpec, Scores
from rdd_jax.robust import exponentiated, tilt, voronoi
from rdd_jax.robust.groups.cvar import nested
from rdd_jax.robust.groups.voronoi import nearest, spread_out

CLASSES, GROUPS = 4, 3
KEY = jax.random.key(5)
SPEC = DataSpec(40, CLASSES, CLASSES, CLASSES, GROUPS)
PAPER = mix((0.5, equal()), (0.5, worst()))


@cache
def rows(seed: int, n: int = 40) -> Batch:
  rng = np.random.default_rng(seed)
  labels = jnp.asarray(rng.integers(0, CLASSES, n), jnp.int32)
  return Batch(
    inputs=jnp.asarray(rng.normal(size=(n, 5)), jnp.float32),
    targets=jax.nn.one_hot(labels, CLASSES),
    weights=jnp.asarray(rng.uniform(0.2, 2, n), jnp.float32),
    cells=labels,
    groups=jnp.asarray(rng.integers(0, GROUPS, n), jnp.int32),
    index=jnp.arange(n, dtype=jnp.int32),
  )


def score(batch: Batch) -> Scores:
  """The squared length of a row is its loss, and the row its features."""
  return Scores((batch.inputs**2).sum(1), batch.inputs, batch.targets)


def apply(t, batch: Batch, state=None, synthetic: Batch | None = None):
  state = t.init(SPEC) if state is None else state
  return step(t, batch, state, batch if synthetic is None else synthetic)


@partial(jax.jit, static_argnums=0)
def step(t, batch: Batch, state, synthetic: Batch):
  return t.update(batch, state, key=KEY, score=score, synthetic=synthetic)


def test_a_memory_ranks_the_rows_of_two_batches_as_one():
  first, second = rows(0), rows(1)
  t = tilt(PAPER, GROUPS, within=cvar(0.3), memory=40)
  _, state = apply(t, first)
  new, _ = apply(t, second, state)
  both = concat(second, first)
  whole = jax.jit(
    lambda b: nested(
      PAPER, cvar(0.3), score(b).losses, b.weights, b.groups, GROUPS
    )
  )(both)
  np.testing.assert_allclose(new.weights, whole[:40], rtol=1e-5)


def test_a_memory_keeps_the_newest_rows_and_starts_empty():
  t = tilt(worst(), GROUPS, memory=50)
  without = tilt(worst(), GROUPS)
  new, state = apply(t, rows(0))
  alone, _ = apply(without, rows(0))
  np.testing.assert_allclose(new.weights, alone.weights, rtol=1e-6)
  _, state = apply(t, rows(1), state)
  losses = np.r_[score(rows(1)).losses, score(rows(0)).losses[:10]]
  np.testing.assert_array_equal(state.losses, losses)


def test_the_gradient_of_a_nested_risk_is_not_the_mean_s():
  """So that it cannot be cut: the angle between the two is wide."""
  batch = rows(2)

  def gradient(t) -> np.ndarray:
    weights = apply(t, batch)[0].weights

    # At zero, that of the weighted squared distances to a point.
    return -2 * np.asarray(weights) @ np.asarray(batch.inputs)

  tilted = gradient(tilt(PAPER, GROUPS, within=cvar(0.2)))
  plain = gradient(tilt(mean(), GROUPS, within=mean()))
  cosine = tilted @ plain / np.linalg.norm(tilted) / np.linalg.norm(plain)
  assert cosine < 0.95
  np.testing.assert_allclose(
    gradient(tilt(mean(), GROUPS, within=cvar(1.0))), plain, rtol=1e-4
  )


def test_tilt_does_not_see_the_order_of_rows():
  order = np.random.default_rng(0).permutation(40)
  t = tilt(PAPER, GROUPS, within=cvar(0.2))
  new, _ = apply(t, rows(3))
  moved, _ = apply(t, take(rows(3), jnp.asarray(order)))
  np.testing.assert_allclose(moved.weights, new.weights[order], rtol=1e-3)


def test_exponentiated_weights_are_those_of_the_paper():
  batch, t = rows(4), exponentiated(GROUPS, 0.5)
  q, state = np.ones(GROUPS) / GROUPS, None
  for _ in range(3):
    new, state = apply(t, batch, state)
    losses, w = np.asarray(score(batch).losses), np.asarray(batch.weights)
    member = [np.asarray(batch.groups) == g for g in range(GROUPS)]
    means = np.array([np.average(losses[m], weights=w[m]) for m in member])
    q = q * np.exp(0.5 * means)
    q /= q.sum()
    mass = np.array([float(new.weights[m].sum()) for m in member])
    np.testing.assert_allclose(mass / w.sum(), q, rtol=1e-4)


def test_exponentiated_leaves_rows_of_no_group_and_shares_out_the_rest():
  batch = rows(5)
  batch = replace(batch, groups=jnp.where(batch.groups == 1, -1, batch.groups))
  new, _ = apply(exponentiated(GROUPS, 1.0), batch)
  none = np.asarray(batch.groups) < 0
  np.testing.assert_array_equal(new.weights[none], batch.weights[none])
  np.testing.assert_allclose(new.weights.sum(), batch.weights.sum(), rtol=1e-5)


@pytest.mark.parametrize('offset', [0.0, 1000.0])
def test_nearest_is_brute_force(offset):
  rng = np.random.default_rng(0)
  x = rng.normal(size=(60, 8)) + offset
  c = rng.normal(size=(9, 8)) + offset
  allowed = rng.random((60, 9)) < 0.5
  allowed[0] = False
  distance = ((x[:, None] - c[None]) ** 2).sum(2)
  brute = np.where(allowed, distance, np.inf).argmin(1)
  found = jax.jit(nearest)(*map(np.float32, (x, c)), allowed)
  np.testing.assert_array_equal(found[1:], brute[1:])
  assert int(found[0]) == -1


def greedy(features, cells, count):
  marked = np.zeros(len(cells), bool)
  for c in range(CLASSES):
    own = np.flatnonzero(cells == c)
    picked = list(own[:1])
    while len(picked) < min(count, len(own)):
      gap = ((features[own, None] - features[picked]) ** 2).sum(2).min(1)
      picked.append(own[gap.argmax()])
    marked[picked] = True
  return marked


@pytest.mark.parametrize('count', [1, 3, 50])
def test_centers_are_far_from_all_before(count):
  batch = rows(6)
  cells = np.asarray(batch.cells).copy()
  cells[:3] = CLASSES + 1  # Outliers are no centers.
  found = jax.jit(spread_out, static_argnums=(2, 3))(
    batch.inputs, cells, CLASSES, count
  )
  brute = greedy(np.asarray(batch.inputs), cells, count)
  np.testing.assert_array_equal(found, brute)


def test_voronoi_cells_are_those_of_the_synthetic_rows():
  batch, synthetic = rows(7), rows(8, n=12)
  new, _ = apply(voronoi(CLASSES), batch, synthetic=synthetic)
  distance = np.subtract(batch.inputs[:, None], synthetic.inputs[None]) ** 2
  np.testing.assert_array_equal(new.groups, distance.sum(2).argmin(1))
  own, _ = apply(
    voronoi(CLASSES, within_class=True), batch, synthetic=synthetic
  )
  found = np.asarray(own.groups) >= 0
  np.testing.assert_array_equal(
    np.asarray(synthetic.cells)[own.groups][found],
    np.asarray(batch.cells)[found],
  )
  there = np.isin(np.asarray(batch.cells), np.asarray(synthetic.cells))
  np.testing.assert_array_equal(found, there)


def test_a_risk_over_voronoi_cells_is_finite_though_most_are_empty():
  batch, synthetic = rows(9), rows(10, n=200)
  grouped, _ = apply(voronoi(CLASSES, centers=99), batch, synthetic=synthetic)
  new, _ = apply(tilt(PAPER, 200, within=cvar(0.2)), grouped)
  assert np.isfinite(new.weights).all()
  np.testing.assert_allclose(new.weights.sum(), batch.weights.sum(), rtol=1e-5)
