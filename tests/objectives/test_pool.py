"""Laws of pools, and of regression objectives under every chain."""

from __future__ import annotations

from dataclasses import replace

import chex
import jax
import jax.numpy as jnp
from marks import slow_but
import numpy as np
from objectives.regression_cases import (
  CLASSES,
  KERNEL,
  KEY,
  METHODS,
  REAL,
  SMALL,
  mlp,
  pooled,
  run,
)
import optax
import pytest

from rdd_jax.core.batch import concat, take
from rdd_jax.core.losses import SquaredError, cross_entropy
from rdd_jax.objectives import (
  kip,
)
from rdd_jax.objectives.base import Step
from rdd_jax.training import sgd


def test_a_pool_trains_ages_and_renews_its_networks():
  net, tx = mlp(), optax.adam(1e-2)
  made = pooled(net, size=3, lifetime=4, tx=tx)
  state = jax.jit(made.init)(KEY)
  np.testing.assert_array_equal(state.ages, [0, 1, 2])
  advance = jax.jit(made.advance)
  step_of = jax.jit(
    lambda old: sgd.step(net, tx, old, SMALL, CLASSES, losses=SquaredError())
  )
  for step in range(12):
    key = jax.random.fold_in(KEY, step)
    old, put, age = made.current(state), state.picked, state.ages[state.picked]
    new, _ = advance(SMALL, Step(REAL, state, key))
    chex.assert_trees_all_equal_shapes_and_dtypes(new, state)
    others = np.flatnonzero(np.arange(3) != put)
    chex.assert_trees_all_equal(
      take(new.learners, others), take(state.learners, others)
    )
    changed = take(new.learners, put)
    if age + 1 > 4:
      assert new.ages[put] == 0
      np.testing.assert_array_equal(changed.opt[0].count, 0)
    else:
      assert new.ages[put] == age + 1
      chex.assert_trees_all_close(changed, step_of(old), atol=1e-6)
    state = new
  assert len({int(a) for a in state.ages}) > 1


@pytest.mark.parametrize('name', slow_but(('frepo',), METHODS))
def test_every_chain_goes_with_every_method(name):
  """Outliers in two places, risks, learned labels and scale, a reject class."""
  loss = cross_entropy if name in ('rfad', 'rcig') else SquaredError()
  _, losses, update = run(name, 30, chains=True, reject=1, losses=loss)
  assert update._cache_size() == 1
  # Medians: a network just drawn may be far from what regression needs.
  assert jnp.median(losses[-10:]) < 0.95 * jnp.median(losses[:5])


def test_outliers_of_a_student_are_to_be_no_class():
  """Rows of weight and of uniform target pull predictions to zero there."""
  outliers = replace(
    SMALL, inputs=SMALL.inputs + 9, targets=jnp.full((6, CLASSES), 1 / CLASSES)
  )
  near = SMALL.inputs + 9.1

  def size(support):
    predict, _ = kip(KERNEL).regression(())(support)
    return jnp.abs(predict(near)).mean()

  size = jax.jit(size)

  assert size(concat(SMALL, outliers)) < 0.2 * size(SMALL)
