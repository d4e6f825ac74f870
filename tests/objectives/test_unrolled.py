"""Laws of unrolled objectives."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from objectives.trajectory_cases import (
  CLASSES,
  KEY,
  NET,
  SGD,
  SHAPE,
  of_images,
  real,
  rows,
)
import optax
import pytest

from rdd_jax import networks
from rdd_jax.core.batch import Batch, concat, training_loss
from rdd_jax.core.keys import named
from rdd_jax.core.losses import cross_entropy
from rdd_jax.objectives import (
  unrolled,
)
from rdd_jax.objectives.base import NO_CHAINS, Step
from rdd_jax.training import sgd
from rdd_jax.training.inner import train


def unrolled_loss(batch: Batch, judged: Batch, key=KEY, **options):
  inner = options.pop('inner', SGD._replace(optimizer=optax.adam(0.05)))
  objective = unrolled(NET, SHAPE, CLASSES, CLASSES, inner=inner, **options)
  values, mass, _ = objective.losses(
    batch, Step(judged, objective.init(KEY), key)
  )
  return jnp.sum(values * mass) / mass.sum()


def test_the_loss_is_that_of_the_trained_student():
  judged, inner = real(0), SGD._replace(optimizer=optax.adam(0.05))
  start = sgd.init(NET, inner.optimizer, KEY, SHAPE)

  @jax.jit
  def by_hand(start):
    end, _ = train(
      NET,
      inner,
      start,
      rows(),
      CLASSES,
      key=named(KEY, 'student'),
      edit=NO_CHAINS.student,
      synthetic=rows(),
    )
    logits = networks.apply(NET, end.variables, judged.inputs).logits
    losses = cross_entropy(logits, judged, CLASSES)
    return training_loss(losses, judged, CLASSES)

  found = jax.jit(partial(unrolled_loss, window=4))(rows(), judged)
  np.testing.assert_allclose(found, by_hand(start), rtol=1e-5)


@pytest.mark.slow
def test_a_full_random_window_is_back_propagation_through_time():
  judged = real(0)
  full = of_images(
    lambda b: unrolled_loss(b, judged, window=4, earliest=0), rows()
  )
  bptt = of_images(lambda b: unrolled_loss(b, judged, window=4), rows())
  np.testing.assert_allclose(full, bptt, rtol=1e-5, atol=1e-8)
  short = of_images(lambda b: unrolled_loss(b, judged, window=1), rows())
  assert jnp.abs(short - bptt).max() > 1e-4 * jnp.abs(bptt).max()


def test_a_window_of_zero_leaves_the_images_unchanged():
  grads = of_images(
    jax.jit(lambda b: unrolled_loss(b, real(0), window=0)), rows()
  )
  np.testing.assert_array_equal(grads, 0.0)


def test_random_windows_end_at_different_steps():
  loss = jax.jit(
    lambda key: unrolled_loss(rows(), real(0), key, window=1, earliest=0)
  )
  values = {float(loss(jax.random.key(seed))) for seed in range(8)}
  assert len(values) > 1


def test_values_are_those_of_the_cells():
  """A cell's value is the mean loss of its rows alone."""
  objective = unrolled(NET, SHAPE, CLASSES, CLASSES, inner=SGD, window=1)
  step = Step(real(0), objective.init(KEY), KEY)
  judge = jax.jit(
    lambda batch: objective.losses(rows(), step._replace(real=batch))
  )
  batch = real(0)
  alone = replace(
    batch, weights=jnp.where(batch.cells == 1, batch.weights, 0.0)
  )
  values, mass, _ = judge(concat(batch, batch))
  only, counted, _ = judge(alone)
  np.testing.assert_allclose(values[1], only[1], rtol=1e-5)
  np.testing.assert_allclose(mass[1], 2 * counted[1])
  np.testing.assert_array_equal(np.asarray(counted)[[0, 2]], 0)


@pytest.mark.parametrize(
  'options', [{'window': 5}, {'window': 3, 'earliest': 2}, {'window': -1}]
)
def test_a_window_that_does_not_fit_says_so(options):
  with pytest.raises(ValueError, match='does not fit into 4'):
    unrolled(NET, SHAPE, CLASSES, CLASSES, inner=SGD, **options)
