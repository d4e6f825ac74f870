"""Coverage, diversity and near-duplicates, by what they must be."""

from __future__ import annotations

import numpy as np
import pytest

from rdd_jax.evaluation.spread import NEIGHBORS, spread

RNG = np.random.default_rng(0)
REAL = RNG.normal(size=(120, 4))
CELLS = np.repeat([0, 1], 60)


def of(features, cells=CELLS):
  return spread(features, cells, REAL, CELLS)


def test_real_rows_cover_themselves_and_are_as_diverse():
  found = of(REAL)
  assert found['coverage'] == 1
  assert found['diversity'] == pytest.approx(1)
  assert found['duplicates'] <= 2 / 60


def test_coverage_is_brute_force():
  images, cells = REAL[::7] + 0.1, CELLS[::7]
  shares = []
  for c in (0, 1):
    rows, own = REAL[c == CELLS], images[cells == c]
    covered = 0
    for i, row in enumerate(rows):
      away = np.linalg.norm(np.delete(rows, i, 0) - row, axis=1)
      near = np.linalg.norm(own - row, axis=1).min()
      covered += near <= np.sort(away)[NEIGHBORS - 1]
    shares.append(covered / len(rows))
  assert of(images, cells)['coverage'] == pytest.approx(np.mean(shares))


def test_copies_are_duplicates_and_cover_little():
  same = np.repeat(REAL[[0, 60]], 10, 0)
  found = of(same, np.repeat([0, 1], 10))
  assert found['diversity'] == pytest.approx(0, abs=1e-6)
  assert found['duplicates'] == 1
  apart = np.r_[0:10, 60:70]
  assert found['coverage'] < of(REAL[apart], CELLS[apart])['coverage']


def test_neither_scale_nor_order_nor_outliers_matter():
  order = RNG.permutation(120)
  images = np.concatenate([REAL[order] * 1.1, np.zeros((3, 4))])
  cells = np.concatenate([CELLS[order], np.full(3, 2)])
  scaled = spread(8 * images, cells, 8 * REAL, CELLS)
  for name, value in of(REAL * 1.1).items():
    assert scaled[name] == pytest.approx(value)


def test_one_image_of_a_class_has_no_diversity():
  assert of(REAL[[0, 60]], np.array([0, 1])).keys() == {'coverage'}
