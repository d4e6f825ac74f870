"""Laws of gradient and distribution matching, and NumPy references of both."""

from __future__ import annotations

from dataclasses import replace

import chex
import jax
import jax.numpy as jnp
from marks import slow_but
import numpy as np
from objectives.matching_cases import (
  CLASSES,
  FAMILY,
  Case,
  convnet,
  dm,
  rows,
  synthetic_rows,
)
import pytest

from rdd_jax.core.batch import concat, take
from rdd_jax.images.augment import dsa
from rdd_jax.networks import functional

FAMILIES = ('color', 'crop', 'cutout', 'flip', 'scale', 'rotate')


@pytest.mark.parametrize('seed', range(2))
def test_order_of_rows_does_not_matter(case, seed):
  real, synthetic = rows(seed, 18), synthetic_rows()
  rng = np.random.default_rng(seed)
  moved = (
    take(synthetic, rng.permutation(6)),
    take(real, rng.permutation(18)),
  )
  for ours, theirs in zip(case(synthetic, real), case(*moved), strict=True):
    chex.assert_trees_all_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_masked_rows_do_not_matter(case):
  real, synthetic = rows(0, 18), synthetic_rows()
  masked = jnp.arange(18) % 3 == 2
  inputs = jnp.where(masked[:, None, None, None], 50.0, real.inputs)
  hidden = replace(
    real, inputs=inputs, weights=jnp.where(masked, 0.0, real.weights)
  )
  values, mass, metrics = case(synthetic, hidden)
  expected, expected_mass, _ = case(
    synthetic, take(real, np.flatnonzero(~np.asarray(masked)))
  )
  np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-6)
  np.testing.assert_allclose(mass, expected_mass, rtol=1e-6)
  assert float(metrics['unmatched']) < 1e-6


def test_cells_come_in_the_order_of_classes(case):
  real, synthetic = rows(1, 18), synthetic_rows()
  values, mass, _ = case(synthetic, real)
  np.testing.assert_allclose(
    mass, np.bincount(real.cells, real.weights, CLASSES), rtol=1e-5
  )
  for cell in range(CLASSES):
    alone, alone_mass, _ = case(
      replace(
        synthetic,
        weights=jnp.where(synthetic.cells == cell, synthetic.weights, 0.0),
      ),
      replace(real, weights=jnp.where(real.cells == cell, real.weights, 0.0)),
    )
    np.testing.assert_allclose(alone[cell], values[cell], rtol=1e-4)
    assert np.flatnonzero(alone_mass).tolist() == [cell]


def test_a_relabelled_row_moves_to_its_new_cell(case):
  real, synthetic = rows(2, 18, np.arange(18) % 3), synthetic_rows()
  before, old, _ = case(synthetic, real)
  moved = replace(real, cells=real.cells.at[0].set(1))
  after, new, _ = case(synthetic, moved)
  w = float(real.weights[0])
  np.testing.assert_allclose(new - old, [-w, w, 0], atol=1e-5)
  assert (after[:2] != before[:2]).all()
  np.testing.assert_allclose(after[2], before[2], rtol=1e-6)


def test_unmatched_is_the_mass_beyond_the_room_and_the_cells(case):
  synthetic = synthetic_rows()
  cells = np.array([0] * 15 + [1] * 3)
  real = replace(rows(3, 18, cells), weights=jnp.ones(18))
  _, mass, metrics = case(synthetic, real)
  np.testing.assert_array_equal(mass, [12, 3, 0])
  np.testing.assert_allclose(metrics['unmatched'], 3 / 18, rtol=1e-6)
  outside = replace(real, cells=real.cells.at[-1].set(CLASSES))
  _, mass, metrics = case(synthetic, outside)
  np.testing.assert_array_equal(mass, [12, 2, 0])
  np.testing.assert_allclose(metrics['unmatched'], 4 / 18, rtol=1e-6)


def test_the_first_rows_of_a_cell_are_those_that_fit(case):
  real = rows(4, 18, np.zeros(18, int))
  values, _, _ = case(synthetic_rows(), real)
  first = replace(
    real, weights=jnp.where(jnp.arange(18) < 12, real.weights, 0.0)
  )
  chex.assert_trees_all_equal(values, case(synthetic_rows(), first)[0])


def test_the_unit_of_weight_does_not_matter(case):
  real, synthetic = rows(5, 18), synthetic_rows()
  scaled = replace(real, weights=4 * real.weights)
  np.testing.assert_allclose(
    case(synthetic, scaled)[0], case(synthetic, real)[0], rtol=1e-5
  )


SIAMESE = {'plain': None, 'siamese': dsa(FAMILIES, siamese=True)}


@pytest.mark.parametrize('family', FAMILY)
@pytest.mark.parametrize('augment', slow_but(('siamese',), SIAMESE))
def test_values_vanish_where_the_measures_are_the_same(family, augment):
  """Twice as many real rows, each with half the weight: the same measure."""
  synthetic = synthetic_rows(ipc=3)
  real = concat(synthetic, synthetic)
  real = replace(real, weights=real.weights / 2)
  same = Case(FAMILY[family](convnet(3, 1), augment=SIAMESE[augment]))
  other = rows(11, 18, np.repeat(range(CLASSES), 6))
  for seed in range(4):
    key = jax.random.key(seed)
    values, *_ = same(synthetic, real, key)
    scale, *_ = same(synthetic, other, key)
    assert (values >= 0).all()
    assert (values < 1e-3 * scale).all(), (values, scale)


def test_only_siamese_augmentation_sees_both_alike():
  synthetic = synthetic_rows(ipc=3)
  real = concat(synthetic, synthetic)
  apart = Case(dm(convnet(3, 1), augment=dsa(('crop',), siamese=False)))
  assert (apart(synthetic, real)[0] > 1e-3).all()


def test_rows_go_by_in_blocks(case, monkeypatch):
  """A few at a time, of real rows and of synthetic ones, as a CPU likes it."""
  real, synthetic = rows(0, 18), synthetic_rows()
  expected = case(synthetic, real)
  monkeypatch.setattr(functional, 'CACHE', 1)
  for ours, theirs in zip(case(synthetic, real), expected, strict=True):
    chex.assert_trees_all_close(ours, theirs, rtol=1e-4, atol=1e-6)
