"""Laws of trajectory matching and of unrolled objectives."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from operator import attrgetter

import chex
import jax
import jax.numpy as jnp
from marks import slow_but
import numpy as np
import optax
import pytest

from rdd_jax import networks
from rdd_jax.core.batch import Batch, concat, training_loss
from rdd_jax.core.keys import named
from rdd_jax.core.losses import cross_entropy
from rdd_jax.core.measure import by_cell, draw, empirical
from rdd_jax.core.risk import cvar, mean, total, worst
from rdd_jax.core.transform import (
  BoundTransform,
  DataSpec,
  EmptyState,
  chain,
)
from rdd_jax.core.unroll import backprop, checkpointed, tesla
from rdd_jax.distill import distiller
from rdd_jax.objectives import (
  Inner,
  Segment,
  Starts,
  online_trajectory_matching,
  trajectory_matching,
  unrolled,
)
from rdd_jax.objectives.base import NO_CHAINS, Step
from rdd_jax.robust import expose_outliers, tilt
from rdd_jax.synthetic.optimizers import skip_above
from rdd_jax.synthetic.view import Synthetic, hard_targets, layout, view
from rdd_jax.training import sgd
from rdd_jax.training.inner import train

SHAPE, CLASSES, GROUPS, IPC, N = (8, 8, 1), 3, 2, 2, 60
KEY = jax.random.key(0)
NET = networks.build('mlp', CLASSES, width=5, depth=2)
SGD = Inner(optax.sgd(1.0), steps=4, batch_size=100)


def params_of(seed: int):
  return networks.init(NET, jax.random.key(seed), SHAPE)['params']


SEGMENT = Segment(*(networks.flatten(params_of(seed)) for seed in (1, 2)))


def rows(seed: int = 9, slots: int = 0) -> Batch:
  cells = layout(CLASSES, IPC, slots)
  targets = hard_targets(cells, CLASSES, CLASSES)
  images = jax.random.normal(jax.random.key(seed), (len(cells), *SHAPE))
  seen = view(cells, targets, num_classes=CLASSES, outlier_weight=0.5)
  return seen(Synthetic(images, None))


def match(inner: Inner = SGD, **options):
  return trajectory_matching(
    NET, SHAPE, CLASSES, inner=inner, starts=Starts(), **options
  )


def loss(
  batch: Batch, step_size, segment=SEGMENT, objective=None, chains=NO_CHAINS
):
  objective = objective or match()
  values, mass, _ = objective.losses(
    batch,
    Step(batch, objective.init(KEY), KEY, chains, segment, step_size),
  )
  assert values.shape == mass.shape == (1,)
  return values[0]


def of_images(fn, batch: Batch):
  return jax.grad(lambda images: fn(replace(batch, inputs=images)))(
    batch.inputs
  )


def student(batch: Batch, step_size: float, inner: Inner = SGD):
  """Where the student ends, by a loop over steps of the whole batch."""
  params = params_of(1)
  for _ in range(inner.steps):
    grads = jax.grad(
      lambda p: sgd.loss(NET, {'params': p, 'batch_stats': {}}, batch, CLASSES)[
        0
      ]
    )(params)
    params = jax.tree.map(lambda p, g: p - step_size * g, params, grads)
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
    lambda p, g: p - 0.1 * g, start, jax.grad(by_hand)(start)
  )
  segment = SEGMENT._replace(target=networks.flatten(moved))
  found = loss(batch, jnp.float32(0.1), segment, match(one))
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


# Composition in the distiller.

CELLS = layout(CLASSES, IPC, 1)
LABELS = np.arange(N) % CLASSES
IMAGES = jax.random.normal(jax.random.key(5), (N, *SHAPE))
MEASURE = empirical(LABELS, CLASSES, np.arange(N) % 7 == 0)
SPEC = DataSpec(N, CLASSES, CLASSES, CLASSES + 1, GROUPS)


def outliers():
  return expose_outliers(
    lambda key, pixels: jax.random.permutation(key, pixels, axis=1),
    CLASSES,
    to_pixels=jax.nn.sigmoid,
    to_inputs=lambda p: 4 * p - 2,
    rows=6,
  )


def real(step: int) -> Batch:
  return draw(jax.random.key(step), IMAGES, MEASURE, 24, by_cell(CLASSES))


INNER = Inner(optax.sgd(1.0), steps=3, batch_size=4)
OBJECTIVES = {
  'buffered': lambda: match(INNER),
  'online': lambda: online_trajectory_matching(
    NET,
    SHAPE,
    CLASSES,
    inner=INNER,
    expert=Inner(optax.sgd(0.1), steps=2, batch_size=8),
    experts=2,
    lifetime=2,
  ),
  'bptt': lambda: unrolled(
    NET, SHAPE, CLASSES, CLASSES + 1, inner=INNER, window=3
  ),
  'ratbptt': lambda: unrolled(
    NET,
    SHAPE,
    CLASSES,
    CLASSES + 1,
    inner=INNER._replace(optimizer=optax.adam(0.01)),
    window=2,
    earliest=0,
  ),
}


def parameters(step_size=None) -> Synthetic:
  targets = hard_targets(CELLS, CLASSES, CLASSES)
  images = jax.random.normal(jax.random.key(8), (len(CELLS), *SHAPE))
  return Synthetic(images, jnp.log(0.9 * targets + 0.03), step_size)


@pytest.mark.parametrize('name', slow_but(('buffered',), OBJECTIVES))
def test_every_chain_composes_and_compiles_once(name: str):
  learned = name in ('buffered', 'online')
  tilted = tilt(worst(), GROUPS, within=cvar(0.5))
  d = distiller(
    OBJECTIVES[name](),
    skip_above(1e6, optax.sgd(0.1, momentum=0.5)),
    view(CELLS, hard_targets(CELLS, CLASSES, CLASSES), num_classes=CLASSES),
    step_size=attrgetter('step_size'),
    transform=chain(outliers=outliers()),
    training=chain(risk=tilted),
    student=chain(outliers=outliers()),
    risk=mean(),
  )
  params = parameters(jnp.float32(0.05) if learned else None)
  state = d.init(KEY, SPEC, params, MEASURE)
  update = jax.jit(d.update)
  for step in range(5):
    feed = Segment(*map(np.asarray, SEGMENT)) if name == 'buffered' else None
    state, metrics = update(state, real(step), feed)
    if name == 'online' and step == 0:
      assert metrics['loss'] == 0  # there is no segment yet
  assert update._cache_size() == 1
  chex.assert_tree_all_finite((state.params, state.opt, metrics))
  moved = jax.tree.map(lambda a, b: (a != b).any(), params, state.params)
  assert all(jax.tree.leaves(moved)), moved


def test_a_step_above_the_threshold_is_skipped_whole():
  d = distiller(
    match(INNER),
    skip_above(0.1, optax.sgd(1.0, momentum=0.9)),
    view(CELLS, hard_targets(CELLS, CLASSES, CLASSES)),
    step_size=attrgetter('step_size'),
    risk=total(),
  )
  state = d.init(KEY, SPEC, parameters(jnp.float32(0.0)), MEASURE)
  new, metrics = jax.jit(d.update)(state, real(0), SEGMENT)
  assert metrics['loss'] == 1.0
  chex.assert_trees_all_equal((new.params, new.opt), (state.params, state.opt))


def test_online_experts_take_turns_and_are_renewed():
  objective = OBJECTIVES['online']()
  state = objective.init(KEY)
  advance = jax.jit(
    lambda state, key: objective.advance(rows(), Step(real(0), state, key))[0]
  )
  for turn in range(6):
    before = state
    state = advance(state, jax.random.key(turn))
    i = turn % 2
    now = jax.tree.map(lambda leaf: leaf[i], state.experts)  # noqa: B023
    chex.assert_trees_all_equal(now, state.expert)
    other = [
      jax.tree.map(lambda leaf: leaf[1 - i], s.experts)  # noqa: B023
      for s in (before, state)
    ]
    chex.assert_trees_all_equal(*other)
    renewed = int(before.ages[i]) >= 2
    begun = jax.tree.map(
      lambda leaf: leaf[i],  # noqa: B023
      before.experts.variables['params'],
    )
    same = jax.tree.map(lambda a, b: (a == b).all(), begun, state.start)
    assert all(jax.tree.leaves(same)) == (not renewed)
    assert int(state.ages[i]) == (1 if renewed else int(before.ages[i]) + 1)


# Unrolled.


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
  np.testing.assert_allclose(
    unrolled_loss(rows(), judged, window=4),
    training_loss(losses, judged, CLASSES),
    rtol=1e-5,
  )


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
  grads = of_images(lambda b: unrolled_loss(b, real(0), window=0), rows())
  np.testing.assert_array_equal(grads, 0.0)


def test_random_windows_end_at_different_steps():
  values = {
    float(
      unrolled_loss(rows(), real(0), jax.random.key(seed), window=1, earliest=0)
    )
    for seed in range(8)
  }
  assert len(values) > 1


def test_values_are_those_of_the_cells():
  """A cell's value is the mean loss of its rows alone."""
  objective = unrolled(NET, SHAPE, CLASSES, CLASSES, inner=SGD, window=1)
  step = Step(real(0), objective.init(KEY), KEY)
  judge = partial(objective.losses, rows())
  batch = real(0)
  alone = replace(
    batch, weights=jnp.where(batch.cells == 1, batch.weights, 0.0)
  )
  values, mass, _ = judge(step._replace(real=concat(batch, batch)))
  only, counted, _ = judge(step._replace(real=alone))
  np.testing.assert_allclose(values[1], only[1], rtol=1e-5)
  np.testing.assert_allclose(mass[1], 2 * counted[1])
  np.testing.assert_array_equal(counted[jnp.array([0, 2])], 0)


@pytest.mark.parametrize(
  'options', [{'window': 5}, {'window': 3, 'earliest': 2}, {'window': -1}]
)
def test_a_window_that_does_not_fit_says_so(options):
  with pytest.raises(ValueError, match='does not fit into 4'):
    unrolled(NET, SHAPE, CLASSES, CLASSES, inner=SGD, **options)
