"""Trajectory matching under every chain, with skipped steps, and online."""

from __future__ import annotations

from operator import attrgetter

import chex
import jax
import jax.numpy as jnp
from marks import slow_but
import numpy as np
from objectives.chains_cases import SEGMENT, match, outliers
from objectives.trajectory_cases import (
  CLASSES,
  GROUPS,
  IPC,
  KEY,
  MEASURE,
  NET,
  SHAPE,
  N,
  real,
  rows,
)
import optax
import pytest

from rdd_jax.core.risk import cvar, mean, total, worst
from rdd_jax.core.transform import (
  DataSpec,
  chain,
)
from rdd_jax.distill import distiller
from rdd_jax.objectives import (
  Inner,
  Segment,
  online_trajectory_matching,
  unrolled,
)
from rdd_jax.objectives.base import Step
from rdd_jax.robust import tilt
from rdd_jax.synthetic.optimizers import skip_above
from rdd_jax.synthetic.view import Synthetic, hard_targets, layout, view

CELLS = layout(CLASSES, IPC, 1)


SPEC = DataSpec(N, CLASSES, CLASSES, CLASSES + 1, GROUPS)


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
