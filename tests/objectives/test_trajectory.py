"""Laws of trajectory matching and of unrolled objectives."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
from objectives.chains_cases import SEGMENT, match, params_of
from objectives.trajectory_cases import (
  CLASSES,
  IPC,
  KEY,
  NET,
  SGD,
  of_images,
  rows,
)
import pytest

from rdd_jax import networks
from rdd_jax.core.batch import Batch
from rdd_jax.core.transform import (
  BoundTransform,
  EmptyState,
)
from rdd_jax.core.unroll import backprop, checkpointed, tesla
from rdd_jax.objectives import (
  Inner,
  Starts,
)
from rdd_jax.objectives.base import NO_CHAINS, Step
from rdd_jax.robust import expose_outliers
from rdd_jax.synthetic.view import Synthetic, hard_targets, layout, view
from rdd_jax.training import sgd

MATCH = match()


@partial(jax.jit, static_argnames=('objective', 'chains'))
def loss(
  batch: Batch, step_size, segment=SEGMENT, objective=MATCH, chains=NO_CHAINS
):
  values, mass, _ = objective.losses(
    batch,
    Step(batch, objective.init(KEY), KEY, chains, segment, step_size),
  )
  assert values.shape == mass.shape == (1,)
  return values[0]


def student(batch: Batch, step_size: float, inner: Inner = SGD):
  """Where the student ends, by a loop over steps of the whole batch."""

  @jax.jit
  @jax.grad
  def gradient(params):
    variables = {'params': params, 'batch_stats': {}}
    return sgd.loss(NET, variables, batch, CLASSES)[0]

  params = params_of(1)
  for _ in range(inner.steps):
    params = jax.tree.map(
      lambda p, g: np.float32(p - step_size * g), params, gradient(params)
    )
  return params


def test_the_loss_of_a_student_that_does_not_move_is_one():
  assert loss(rows(), jnp.float32(0.0)) == 1.0


def test_the_loss_of_a_student_that_arrives_is_zero():
  arrived = networks.flatten(student(rows(), 0.1))
  found = loss(rows(), jnp.float32(0.1), SEGMENT._replace(target=arrived))
  assert 0 <= found < 1e-9


def test_the_loss_is_the_share_of_the_way_that_is_left():
  end = networks.flatten(student(rows(), 0.1))
  start, target = SEGMENT
  expected = jnp.sum((end - target) ** 2) / jnp.sum((start - target) ** 2)
  np.testing.assert_allclose(loss(rows(), 0.1), expected, rtol=1e-5)


def test_a_zero_step_size_gives_no_gradient_to_images_but_to_itself():
  np.testing.assert_array_equal(
    of_images(lambda b: loss(b, jnp.float32(0.0)), rows()), 0.0
  )
  assert jax.grad(lambda rate: loss(rows(), rate))(0.0) != 0


@pytest.mark.slow
def test_the_adjoints_agree_on_images_and_step_size():
  def gradients(adjoint):
    return jax.grad(
      lambda images, rate: loss(
        replace(rows(), inputs=images), rate, objective=match(adjoint=adjoint)
      ),
      (0, 1),
    )(rows().inputs, 0.3)

  exact = gradients(backprop())
  for adjoint in (checkpointed(), checkpointed(None)):
    chex.assert_trees_all_close(gradients(adjoint), exact, rtol=1e-4, atol=1e-7)
  ours = gradients(tesla())
  cosine = jnp.sum(ours[0] * exact[0]) / (
    jnp.linalg.norm(ours[0]) * jnp.linalg.norm(exact[0])
  )
  assert cosine > 0.9


def test_one_hot_soft_labels_are_hard_labels():
  cells = layout(CLASSES, IPC)
  targets = hard_targets(cells, CLASSES, CLASSES)
  images = rows().inputs
  seen = view(cells, targets)
  hard = seen(Synthetic(images, None))
  # softmax of these is one-hot in float32.
  soft = seen(Synthetic(images, jnp.asarray(200.0 * targets)))
  np.testing.assert_allclose(loss(soft, 0.1), loss(hard, 0.1), rtol=1e-6)


def test_with_an_outlier_slot_the_student_descends_ce_plus_lambda_u():
  """POE: mean cross-entropy, and lambda times its mean to uniform targets."""
  batch = rows(slots=1)
  n = CLASSES * IPC

  def by_hand(params):
    logits = networks.apply(
      NET, {'params': params, 'batch_stats': {}}, batch.inputs
    ).logits
    log_p = jax.nn.log_softmax(logits)
    ce = -jnp.mean(jnp.take_along_axis(log_p[:n], batch.cells[:n, None], 1))
    u = jax.nn.logsumexp(logits[n:], 1) - logits[n:].mean(1)
    return ce + 0.5 * u.mean()

  one = SGD._replace(steps=1)
  start = params_of(1)
  moved = jax.tree.map(
    lambda p, g: p - 0.1 * g, start, jax.jit(jax.grad(by_hand))(start)
  )
  segment = SEGMENT._replace(target=networks.flatten(moved))
  found = loss(batch, jnp.float32(0.1), segment, objective=match(one))
  assert 0 <= found < 1e-9


def test_outliers_on_the_fly_reach_the_student():
  outliers = expose_outliers(
    lambda key, pixels: pixels[:, ::-1],
    CLASSES,
    to_pixels=jax.nn.sigmoid,
    to_inputs=lambda p: 4 * p - 2,
  )
  chains = NO_CHAINS._replace(student=BoundTransform(EmptyState(), outliers))
  assert loss(rows(), 0.1, chains=chains) != loss(rows(), 0.1)


@pytest.mark.parametrize(
  ('step', 'end'), [(0, 10), (500, 15), (999, 19), (1000, 20), (9999, 20)]
)
def test_the_window_of_starts_widens_as_datm_has_it(step: int, end: int):
  """upper = opening + (latest - opening) * step // expansion."""
  assert Starts(0, 20, 10, 1000).end(step) == end


def test_segments_are_drawn_from_their_window_and_by_seed_and_step_alone():
  buffer = [
    np.arange(6)[:, None] + 100.0 * expert + np.zeros((1, 2))
    for expert in range(3)
  ]
  starts = Starts(earliest=1, latest=4, span=2)
  drawn = [starts.draw((7, 8), step, buffer) for step in range(200)]
  first = np.array([segment.start[0] for segment in drawn])
  assert set(first % 100) == {1, 2, 3}
  assert set(first // 100) == {0, 1, 2}
  for segment in drawn:
    np.testing.assert_array_equal(segment.target - segment.start, 2.0)
  again = starts.draw((7, 8), 11, buffer)
  np.testing.assert_array_equal(again.start, drawn[11].start)
  other = [starts.draw((7, 9), step, buffer).start[0] for step in range(200)]
  assert (np.array(other) != first).any()
