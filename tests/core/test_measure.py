"""Laws of draws: what may be drawn, how often, and in what order."""

from __future__ import annotations

from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax.core.batch import Batch
from rdd_jax.core.measure import (
  Measure,
  by_cell,
  by_cell_and_group,
  by_group,
  draw,
  empirical,
  rows_of,
)

SEVEN, TEN = by_cell(7), by_cell(10)  # Made once, so compiled once.


def measure_of(weights, cells=None, groups=None) -> Measure:
  n = len(weights)
  zeros = np.zeros(n, np.int32)
  return Measure(
    targets=jnp.ones((n, 1)),
    weights=jnp.asarray(weights, jnp.float32),
    cells=jnp.asarray(zeros if cells is None else cells, jnp.int32),
    groups=jnp.asarray(zeros - 1 if groups is None else groups, jnp.int32),
  )


drawn_once = jax.jit(draw, static_argnums=(3, 4))


@partial(jax.jit, static_argnums=(3, 4))
def draws(keys, images, measure: Measure, n: int, strata) -> Batch:
  # In turn: a loop compiles in half the time of a batch.
  return jax.lax.map(lambda key: draw(key, images, measure, n, strata), keys)


def drawn(measure: Measure, n: int, strata=None, seeds: int = 1) -> np.ndarray:
  """Row numbers `i[seeds, n]`; the images are the row numbers."""
  images = jnp.arange(len(measure.weights))
  keys = jax.random.split(jax.random.key(0), seeds)
  batch = draws(keys, images, measure, n, strata)
  full = np.asarray(batch.weights) > 0
  np.testing.assert_array_equal(
    np.asarray(batch.inputs)[full], np.asarray(batch.index)[full]
  )
  return np.asarray(batch.index)


def adversarial(seed: int, n: int = 10_000) -> np.ndarray:
  """Weights over twelve orders of magnitude, a third of them 0."""
  rng = np.random.default_rng(seed)
  weights = 10 ** rng.uniform(-6, 6, n)
  weights[rng.random(n) < 1 / 3] = 0
  weights[[0, -1]] = 0
  return weights


@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize('strata', [None, SEVEN])
def test_no_row_of_weight_zero_is_drawn(seed, strata):
  weights = adversarial(seed)
  cells = np.random.default_rng(seed).integers(0, 7, len(weights))
  index = drawn(measure_of(weights, cells), 70, strata, seeds=200)
  assert (weights[index] > 0).all()


@pytest.mark.parametrize('order', ['random', 'sorted', 'reversed'])
@pytest.mark.parametrize('seed', range(2))
def test_no_row_of_another_stratum_is_drawn(seed, order):
  weights = adversarial(seed)
  weights = {
    'random': weights,
    'sorted': np.sort(weights),
    'reversed': np.sort(weights)[::-1],
  }[order]
  rng = np.random.default_rng(seed)
  cells = np.sort(rng.integers(-1, 11, len(weights)))  # -1 and 10: no stratum
  index = drawn(measure_of(weights, cells), 200, TEN, seeds=50)
  expected = np.repeat(np.arange(10), 20)
  filled = index < len(weights)
  np.testing.assert_array_equal(
    np.append(cells, -1)[index][filled],
    np.broadcast_to(expected, index.shape)[filled],
  )
  massless = [c for c in range(10) if weights[cells == c].sum() == 0]
  assert (filled == ~np.isin(expected, massless)).all()


@pytest.mark.parametrize('scale', [1e-6, 1.0, 1e6])
def test_frequencies_follow_the_weights(scale):
  rng = np.random.default_rng(0)
  weights = rng.uniform(0, 4, 50)
  weights[::7] = 0
  seeds, n = 2000, 10
  index = drawn(measure_of(scale * weights), n, seeds=seeds)
  p = weights / weights.sum()
  counts = np.bincount(index.ravel(), minlength=50) / (seeds * n)
  # Stratification only takes variance away from that of a multinomial draw.
  sigma = np.sqrt(p * (1 - p) / (seeds * n))
  assert (np.abs(counts - p) <= 5 * sigma).all()


@pytest.mark.parametrize('rare', [1e-9, 1e-4, 1.0, 1e4])
def test_within_a_stratum_only_its_own_weights_count(rare):
  """However little mass a stratum has beside those drawn before it."""
  n = 2000
  weights = np.ones(n)
  cells = np.repeat([0, 1], n // 2)
  weights[cells == 1] = rare * np.tile([1, 3], n // 4)
  index = drawn(measure_of(weights, cells), 200, by_cell(2), seeds=100)
  second = index[:, 100:].ravel() - n // 2
  # 10,000 draws from 1,000 rows, and three quarters of them from odd rows.
  assert abs(np.mean(second % 2) - 0.75) < 0.025
  assert len(np.unique(second)) > 900


@pytest.mark.parametrize(('total', 'n'), [(10, 10), (1000, 100), (997, 60)])
def test_equal_weights_are_drawn_nearly_without_replacement(total, n):
  index = drawn(measure_of(np.full(total, 0.3)), n, seeds=50)
  for rows in index:
    assert np.bincount(rows).max() <= 2
    # One draw in each n-th of the probability, so of the rows.
    slices = np.minimum(np.sort(rows) * n / total, n - 1)
    assert (np.abs(slices - np.arange(n)) <= 1 + 1e-6).all()


def test_equal_weights_share_the_slices_exactly():
  index = drawn(measure_of(np.ones(600)), 60, seeds=50)
  np.testing.assert_array_equal(
    np.sort(index // 10, axis=1), np.broadcast_to(np.arange(60), index.shape)
  )


@pytest.mark.parametrize('seed', range(2))
def test_strata_are_represented_equally(seed):
  rng = np.random.default_rng(seed)
  cells = rng.choice(4, 500, p=[0.9, 0.06, 0.03, 0.01])
  cells[:4] = range(4)
  groups = rng.choice(3, 500, p=[0.7, 0.2, 0.1])
  m = measure_of(rng.uniform(0.1, 1, 500), cells, groups)
  (index,) = drawn(m, 40, by_cell(4))
  np.testing.assert_array_equal(cells[index], np.repeat(range(4), 10))
  (index,) = drawn(m, 60, by_group(3))
  np.testing.assert_array_equal(groups[index], np.repeat(range(3), 20))


def test_pairs_without_rows_are_masked():
  cells = np.array([0, 0, 1, 1, 2, 2])
  groups = np.array([0, 1, 0, 0, 1, -1])
  m = measure_of(np.array([1, 1, 1, 1, 0, 1.0]), cells, groups)
  pairs_of = by_cell_and_group(3, 2)
  batch = drawn_once(jax.random.key(0), jnp.zeros(6), m, 12, pairs_of)
  pairs = np.asarray(batch.index).reshape(6, 2)
  assert set(pairs[0]) == {0}
  assert set(pairs[1]) == {1}
  assert set(pairs[2]) == {2, 3}
  np.testing.assert_array_equal(pairs[3:], 6)  # No row, no row, no weight.
  np.testing.assert_array_equal(batch.weights, np.repeat([1, 1, 1, 0, 0, 0], 2))


def test_rows_of_no_group_are_never_drawn_by_group():
  groups = np.array([0, -1, 1, 5, 1, 0])
  index = drawn(measure_of(np.ones(6), groups=groups), 8, by_group(2), 50)
  assert set(index.ravel()) == {0, 2, 4, 5}


def test_a_measure_without_mass_yields_masked_rows():
  (index,) = drawn(measure_of(np.zeros(5)), 4)
  np.testing.assert_array_equal(index, 5)


def test_any_part_of_a_stratum_is_a_fair_sample():
  total, n, seeds = 1000, 50, 1000
  cells = np.repeat([0, 1], total // 2)
  m = measure_of(np.ones(total), cells)
  index = drawn(m, 2 * n, by_cell(2), seeds=seeds)
  for stratum in (0, 1):
    rows = index[:, stratum * n :][:, :n] - stratum * total / 2
    middle, spread = (total / 2 - 1) / 2, total / 2 / np.sqrt(12)
    for size in (1, 5, 20):
      error = rows[:, :size].mean() - middle
      assert abs(error) < 5 * spread / np.sqrt(size * seeds)


def test_strata_are_shuffled_independently():
  m = measure_of(np.ones(200), np.repeat([0, 1], 100))
  (index,) = drawn(m, 100, by_cell(2))
  assert (np.argsort(index[:50]) != np.argsort(index[50:])).any()


def test_the_key_alone_decides():
  m = measure_of(adversarial(0, 100))
  images = jnp.arange(100)
  first, again, other = (
    draw(jax.random.key(k), images, m, 20) for k in (1, 1, 2)
  )
  chex.assert_trees_all_equal(first, again)
  assert (first.index != other.index).any()


def test_rows_carry_what_the_measure_says_of_them():
  rng = np.random.default_rng(0)
  labels, groups = rng.integers(0, 3, 40), rng.integers(-1, 2, 40)
  images = rng.integers(0, 256, (40, 2, 2, 1), dtype=np.uint8)
  m = empirical(labels, 4, groups)
  batch = drawn_once(jax.random.key(0), jnp.asarray(images), m, 12)
  index = np.asarray(batch.index)
  assert batch.inputs.dtype == jnp.uint8
  np.testing.assert_array_equal(batch.inputs, images[index])
  np.testing.assert_array_equal(batch.targets, np.eye(4)[labels[index]])
  np.testing.assert_array_equal(batch.cells, labels[index])
  np.testing.assert_array_equal(batch.groups, groups[index])
  np.testing.assert_array_equal(batch.weights, 1)


def test_empirical_without_groups_has_none():
  assert (empirical(np.arange(3), 3).groups == -1).all()


def test_refuses_a_number_that_strata_cannot_share():
  with pytest.raises(ValueError, match='multiple of 4, such as 8'):
    draw(
      jax.random.key(0), jnp.zeros(9), measure_of(np.ones(9)), 10, by_cell(4)
    )


def test_draws_inside_jit_and_scan():
  m = measure_of(adversarial(1, 100))

  @jax.jit
  def run(key):
    def step(carry, key):
      return carry, draw(key, jnp.arange(100), m, 20).index

    return jax.lax.scan(step, 0, jax.random.split(key, 5))[1]

  keys = jax.random.split(jax.random.key(3), 5)
  expected = [draw(k, jnp.arange(100), m, 20).index for k in keys]
  np.testing.assert_array_equal(run(jax.random.key(3)), np.stack(expected))


@pytest.mark.parametrize('base', [1.0, 1 / 3])
def test_large_sets_keep_float32_precision(base):
  """60,000 rows: every part of the set is drawn as often as its mass says."""
  n = 60_000
  weights = base * np.tile([1.0, 2.0, 0.0], n // 3)
  index = drawn(measure_of(weights), 1000, seeds=100)
  assert (weights[index] > 0).all()
  part = np.bincount(index.ravel() // 600, minlength=100) / 100_000
  np.testing.assert_allclose(part, 0.01, atol=2e-4)
  assert abs(np.mean(index % 3 == 1) - 2 / 3) < 5 * np.sqrt(2 / 9 / 1e5)


def test_rows_of_a_measure_keep_what_it_says_of_them():
  measure = measure_of([1.0, 0.0, 3.0], [2, 0, 1], [0, -1, 1])
  rows = jnp.array([2, 0, 2])
  batch = rows_of(measure, rows, jnp.zeros((3, 5)))
  assert batch.inputs.shape == (3, 5)
  assert batch.weights.tolist() == [3, 1, 3]
  assert batch.cells.tolist() == [1, 2, 1]
  assert batch.groups.tolist() == [1, 0, 1]
  assert batch.index.tolist() == rows.tolist()
