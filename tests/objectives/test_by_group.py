"""Laws of matching the groups of a class apart."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
from marks import slow_but
import numpy as np
import optax
import pytest

from rdd_jax import networks
from rdd_jax.core.batch import Batch
from rdd_jax.core.risk import evaluate, total
from rdd_jax.objectives import (
  Inner,
  by_group,
  distribution_matching,
  gradient_matching,
)
from rdd_jax.objectives.base import Step

SHAPE, CLASSES, CELLS, GROUPS = (4, 4, 1), 2, 3, 2
NET = networks.build('mlp', CLASSES, width=5, depth=1)


def dm(num_classes: int, num_cells: int):
  del num_classes
  return distribution_matching(
    NET, SHAPE, num_cells, real_rows=20, synthetic_rows=2
  )


def gm(num_classes: int, num_cells: int):
  return gradient_matching(
    NET,
    SHAPE,
    num_classes,
    num_cells,
    real_rows=20,
    synthetic_rows=2,
    inner=Inner(optax.sgd(0.1), steps=1, batch_size=4),
    outer=2,
  )


def rows(seed: int, cells: np.ndarray, groups: np.ndarray) -> Batch:
  rng = np.random.default_rng(seed)
  n = len(cells)
  return Batch(
    inputs=jnp.asarray(rng.normal(size=(n, *SHAPE)), jnp.float32),
    targets=jnp.eye(CLASSES)[jnp.minimum(cells, CLASSES - 1)],
    weights=jnp.asarray(rng.uniform(0.5, 2, n), jnp.float32),
    cells=jnp.asarray(cells, jnp.int32),
    groups=jnp.asarray(groups, jnp.int32),
    index=jnp.arange(n),
  )


def real(seed: int = 0) -> Batch:
  """Of two classes and an outlier slot; most rows of a class in one group."""
  cells = np.arange(30) % CELLS
  groups = (np.arange(30) % 10 == 0).astype(int)
  groups[cells == CLASSES] = -1
  groups[1] = -1  # a row of a class, and of no group
  return rows(seed, cells, groups)


SYNTHETIC = rows(9, np.repeat(range(CELLS), 2), np.full(6, -1))


def losses(objective):
  """Of real rows, and of synthetic ones; compiled once."""
  state = objective.init(jax.random.key(1))

  @jax.jit
  def fn(real: Batch, synthetic: Batch):
    return objective.losses(synthetic, Step(real, state, jax.random.key(2)))

  return fn


@pytest.mark.parametrize('make', slow_but((dm,), (dm, gm)))
def test_each_pair_is_matched_as_if_it_were_alone(make):
  """Values are those of plain matching with all other rows masked."""
  batch = real()
  paired = losses(by_group(make, CLASSES, CELLS, GROUPS))
  values, mass, metrics = paired(batch, SYNTHETIC)
  plain = losses(make(CLASSES, CELLS))
  for cell in range(CELLS):
    for group in range(GROUPS):
      own = (batch.cells == cell) & (batch.groups == group)
      if cell == CLASSES:  # Outliers are one group, whatever theirs is.
        own = (batch.cells == cell) & (group == 0)
      weights = jnp.where(own, batch.weights, 0.0)
      np.testing.assert_allclose(
        mass[cell * GROUPS + group], weights.sum(), rtol=1e-5
      )
      if own.any():
        alone, _, _ = plain(replace(batch, weights=weights), SYNTHETIC)
        np.testing.assert_allclose(
          values[cell * GROUPS + group], alone[cell], rtol=1e-4, atol=1e-6
        )
  lost = batch.weights[1] / batch.weights.sum()
  np.testing.assert_allclose(metrics['unmatched'], lost, rtol=1e-4)


def test_the_sum_over_groups_pulls_towards_the_mean_of_their_means():
  """FairDD on DM: as often as there are groups, the balanced gradient."""
  batch = real()
  inside = (batch.cells < CLASSES) & (batch.groups >= 0)
  batch = replace(batch, weights=jnp.where(inside, batch.weights, 0.0))
  pair = np.asarray(batch.cells * GROUPS + batch.groups)
  mass = np.array(
    [float(batch.weights[pair == p].sum()) for p in range(CLASSES * GROUPS)]
  )
  equal = jnp.where(
    inside, batch.weights / jnp.asarray(mass)[jnp.maximum(pair, 0) % 4], 0.0
  )

  def gradient(objective, real):
    fn = losses(objective)

    def loss(x):
      values, mass, _ = fn(real, replace(SYNTHETIC, inputs=x))
      return evaluate(total(), values, mass)

    return jax.grad(loss)(SYNTHETIC.inputs)

  apart = gradient(by_group(dm, CLASSES, CELLS, GROUPS), batch)
  balanced = gradient(dm(CLASSES, CELLS), replace(batch, weights=equal))
  np.testing.assert_allclose(apart, GROUPS * balanced, rtol=1e-3, atol=1e-5)
  assert float(jnp.abs(apart).max()) > 1e-3
