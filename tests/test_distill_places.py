"""Laws of the places where chains stand: each edits its own, and no other."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import chex
from distill_cases import (
  CLASSES,
  FAMILY,
  GROUPS,
  IMAGES,
  IPC,
  MEASURE,
  NET,
  REAL,
  build,
  dm,
  gm,
  run,
  scorer,
  start,
)
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax.core.transform import (
  DataView,
  Transform,
  chain,
  from_update,
  identity,
  stateless,
)
from rdd_jax.robust import balance
from rdd_jax.synthetic.view import layout
from rdd_jax.training import sgd


def mask(keep) -> Transform:
  """Masks the rows of a batch for which `keep(batch)` is false."""
  return stateless(
    lambda batch, **_: replace(
      batch, weights=jnp.where(keep(batch), batch.weights, 0.0)
    )
  )


NOTHING = mask(lambda batch: batch.cells < 0)


@pytest.mark.parametrize('family', FAMILY)
def test_transform_edits_what_is_matched(family):
  """A class that it hides attracts no synthetic row."""
  hide = mask(lambda batch: batch.cells != 1)
  d = build(FAMILY[family](), transform=chain(hide=hide))
  state = start(d)
  new, _ = jax.jit(d.update)(state, REAL[0])
  moved = (new.params.images != state.params.images).any((1, 2, 3))
  np.testing.assert_array_equal(moved, layout(CLASSES, IPC) != 1)


@cache
def trained_plainly(source: str) -> tuple:
  """The network before and after a step without chains."""
  d = build(gm(data=source))
  state = start(d)
  new, _ = jax.jit(d.update)(state, REAL[0])
  return state.objective.learner, new.objective.learner


@pytest.mark.parametrize('source', ['synthetic', 'real'])
@pytest.mark.parametrize('place', ['training', 'student'])
def test_training_and_student_edit_their_own_networks(source, place):
  """A network that is shown nothing learns nothing; others are untouched."""
  edited = build(gm(data=source), **{place: chain(nothing=NOTHING)})
  before, without = trained_plainly(source)
  with_ = jax.jit(edited.update)(start(edited), REAL[0])[0].objective.learner
  kernels = [
    learner.variables['params']['Dense_0']['kernel']
    for learner in (before, without)
  ]
  assert (kernels[0] != kernels[1]).any()
  if (source, place) in [('real', 'training'), ('synthetic', 'student')]:
    chex.assert_trees_all_equal(with_.variables, before.variables)
  else:
    chex.assert_trees_all_equal(with_.variables, without.variables)


def recorder() -> Transform:
  """Keeps the scores of its last batch, and counts its calls."""

  def init(spec):
    del spec
    return {'calls': jnp.zeros([], jnp.int32), 'losses': jnp.zeros(24)}

  def update(batch, state, *, key, score, synthetic):
    del key, synthetic
    losses = score(batch).losses
    losses = jnp.resize(losses, 24)
    return batch, {'calls': state['calls'] + 1, 'losses': losses}

  return from_update(init, update)


@pytest.mark.parametrize('source', ['synthetic', 'real'])
def test_each_place_is_called_as_often_as_it_is_used(source):
  r = chain(recorder=recorder())
  d = build(
    gm(data=source, outer=3), probe=scorer(), transform=r, training=r, student=r
  )
  state, _, _ = run(d, 5)
  calls = {
    place: int(getattr(state, place)['recorder']['calls'])
    for place in ('transform', 'training', 'student')
  }
  expected = {'transform': 5, 'training': 5, 'student': 0}  # the probe trains
  # Of five steps, the third resets the network and trains none.
  expected[{'real': 'training', 'synthetic': 'student'}[source]] += 2 * 4
  assert calls == expected


def test_training_is_scored_by_the_network_that_trains():
  d = build(
    gm(data='real', steps=1, batch_size=24),
    training=chain(recorder=recorder()),
  )
  state = start(d)
  new, _ = jax.jit(d.update)(state, REAL[0])
  score = sgd.scorer(NET, state.objective.learner.variables)
  np.testing.assert_allclose(
    new.training['recorder']['losses'], score(REAL[0]).losses, rtol=1e-5
  )


def test_transform_is_scored_by_the_probe_as_it_was_before_the_step():
  p = scorer()
  d = build(dm(), probe=p, transform=chain(recorder=recorder()))
  update = jax.jit(d.update)
  state, _ = update(start(d), REAL[0])
  new, _ = update(state, REAL[1])
  np.testing.assert_allclose(
    new.transform['recorder']['losses'],
    p.score(state.probe)(REAL[1]).losses,
    rtol=1e-5,
  )
  assert (
    new.probe.average['params']['Dense_0']['kernel']
    != state.probe.average['params']['Dense_0']['kernel']
  ).any()


def test_a_transform_that_scores_needs_a_probe():
  d = build(dm(), transform=chain(recorder=recorder()))
  with pytest.raises(ValueError, match='the distiller has no probe; give it'):
    d.update(start(d), REAL[0])


def test_a_transform_sees_the_synthetic_rows():
  def fn(batch, *, key, score, synthetic):
    del key, score
    return replace(batch, inputs=batch.inputs + synthetic.inputs.mean())

  d = build(dm(), transform=stateless(fn))
  plain = build(dm())
  state = start(d)
  shifted = replace(REAL[0], inputs=REAL[0].inputs + state.params.images.mean())
  new, _ = jax.jit(d.update)(state, REAL[0])
  expected, _ = jax.jit(plain.update)(start(plain), shifted)
  # And no gradient passes through what it makes of them.
  chex.assert_trees_all_close(new.params, expected.params, rtol=1e-5)


def test_a_chain_moves_no_other_randomness():
  plain, chained = (
    build(gm()),
    build(gm(), transform=chain(a=identity())),
  )
  (ours, losses, _), (theirs, same, _) = run(plain, 3), run(chained, 3)
  np.testing.assert_array_equal(losses, same)
  chex.assert_trees_all_equal(ours.objective, theirs.objective)


def test_prepare_edits_the_measure_by_the_transform_alone():
  t = chain(balance=balance(CLASSES, GROUPS))
  view_ = DataView(IMAGES, MEASURE.cells, lambda: pytest.fail('no scores'))
  d = build(dm(), transform=t)
  state = d.prepare(start(d), view_)
  mass = np.zeros((CLASSES, GROUPS))
  np.add.at(
    mass, (MEASURE.cells, MEASURE.groups), np.asarray(state.measure.weights)
  )
  np.testing.assert_allclose(mass, mass.mean(), rtol=1e-5)
  elsewhere = build(dm(), training=t, student=t)
  state = elsewhere.prepare(start(elsewhere), view_)
  chex.assert_trees_all_equal(state.measure, MEASURE)
