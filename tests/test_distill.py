"""Laws of the distiller: one program, three places, one randomness."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import chex
import jax
import jax.numpy as jnp
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from marks import slow_but
import numpy as np
import optax
import pytest

from rdd_jax import networks
from rdd_jax.core.batch import Batch
from rdd_jax.core.keys import named
from rdd_jax.core.measure import by_cell, draw, empirical
from rdd_jax.core.risk import cvar, equal, mix, total, worst
from rdd_jax.core.transform import (
  DataSpec,
  DataView,
  Transform,
  chain,
  from_update,
  identity,
  stateless,
)
from rdd_jax.distill import Distiller, distiller
from rdd_jax.objectives import Inner, distribution_matching, gradient_matching
from rdd_jax.objectives.base import Step
from rdd_jax.robust import balance, expose_outliers, tilt
from rdd_jax.synthetic.view import Synthetic, hard_targets, layout, view
from rdd_jax.training import sgd
from rdd_jax.training.probe import probe

SHAPE, CLASSES, GROUPS, IPC, N = (8, 8, 1), 3, 2, 2, 60
KEY = jax.random.key(3)
NET = networks.build('mlp', CLASSES, width=6, depth=2)


def spec_of(slots: int = 0) -> DataSpec:
  return DataSpec(N, CLASSES, CLASSES, CLASSES + slots, GROUPS)


def dm(net=NET, slots: int = 0):
  return distribution_matching(
    net, SHAPE, CLASSES + slots, real_rows=24, synthetic_rows=IPC
  )


def gm(net=NET, slots: int = 0, *, outer: int = 3, **inner):
  inner = {'steps': 2, 'batch_size': 4, **inner}
  return gradient_matching(
    net,
    SHAPE,
    CLASSES,
    CLASSES + slots,
    real_rows=24,
    synthetic_rows=IPC,
    inner=Inner(optax.sgd(0.1), **inner),
    outer=outer,
  )


FAMILY = {'dm': dm, 'gm': gm}


def data() -> tuple:
  rng = np.random.default_rng(0)
  labels = np.arange(N) % CLASSES
  groups = rng.choice(GROUPS, N, p=[0.8, 0.2])
  centres = rng.normal(size=(CLASSES, *SHAPE))
  images = centres[labels] + 0.3 * rng.normal(size=(N, *SHAPE))
  return jnp.asarray(images, jnp.float32), empirical(labels, CLASSES, groups)


IMAGES, MEASURE = data()


def real(step: int, n: int = 24) -> Batch:
  key = jax.random.fold_in(jax.random.key(42), step)
  return draw(key, IMAGES, MEASURE, n, by_cell(CLASSES))


REAL = [real(step) for step in range(6)]


def build(objective, slots: int = 0, lr: float = 0.1, **options) -> Distiller:
  cells = layout(CLASSES, IPC, slots)
  seen = view(cells, hard_targets(cells, CLASSES, CLASSES), num_classes=CLASSES)
  return distiller(objective, optax.sgd(lr), seen, **options)


def start(d: Distiller, slots: int = 0, view_slots: int | None = None):
  n = (CLASSES + (slots if view_slots is None else view_slots)) * IPC
  images = jax.random.normal(jax.random.key(8), (n, *SHAPE))
  return d.init(KEY, spec_of(slots), Synthetic(images, None), MEASURE)


def run(d: Distiller, steps: int, slots: int = 0, update=None):
  update, state, losses = update or jax.jit(d.update), start(d, slots), []
  for step in range(steps):
    state, metrics = update(state, REAL[step])
    losses.append(metrics['loss'])
  return state, jnp.stack(losses), update


def everything(slots: int = 1) -> dict[str, Transform]:
  """All chains at once, by name."""
  outliers = expose_outliers(
    lambda key, pixels: jax.random.permutation(key, pixels, axis=1),
    CLASSES,
    to_pixels=jax.nn.sigmoid,
    to_inputs=lambda p: 4 * p - 2,
    slots=slots,
    rows=8,
  )
  risk = mix((0.5, equal()), (0.5, worst()))
  tilted = tilt(risk, GROUPS, within=cvar(0.5))
  return {
    'transform': chain(outliers=outliers, risk=tilted),
    'training': chain(risk=tilted),
    'student': chain(outliers=outliers),
  }


def scorer():
  return probe(NET, optax.sgd(0.1), SHAPE, CLASSES)


@pytest.mark.parametrize(
  ('family', 'options'),
  [('dm', {}), ('gm', {'data': 'synthetic'}), ('gm', {'data': 'real'})],
)
def test_a_run_compiles_once_whatever_it_does(family, options):
  """Networks are reset on the way, and all chains have states."""
  d = build(
    FAMILY[family](slots=1, **options), 1, probe=scorer(), **everything()
  )
  state, losses, update = run(d, 5, slots=1)
  assert update._cache_size() == 1
  assert int(state.step) == 5
  chex.assert_tree_all_finite((losses, state.params, state.opt))


def test_the_key_alone_decides():
  d = build(gm())
  first, losses, update = run(d, 4)
  again, same, _ = run(d, 4, update=update)
  chex.assert_trees_all_equal(first, again)
  np.testing.assert_array_equal(losses, same)
  other, _ = update(replace(start(d), key=jax.random.key(99)), REAL[0])
  fresh, _ = update(start(d), REAL[0])
  ours, theirs = (s.objective.learner.variables for s in (other, fresh))
  assert any(
    jax.tree.leaves(jax.tree.map(lambda a, b: (a != b).any(), ours, theirs))
  )


def test_distilling_brings_the_measures_together():
  """In a network that it has not seen."""
  objective = dm()
  d = build(objective, lr=3.0, risk=total())
  update, state = jax.jit(d.update), start(d)
  seen = view(layout(CLASSES, IPC), hard_targets(layout(CLASSES, IPC), 3, 3))

  @jax.jit
  def distance(params):
    values, *_ = objective.losses(
      seen(params),
      Step(REAL[0], objective.init(jax.random.key(77)), KEY),
    )
    return values.sum()

  before = distance(state.params)
  for step in range(60):
    state, _ = update(state, REAL[step % 6])
  assert float(distance(state.params)) < 0.2 * float(before)


@pytest.mark.parametrize('family', slow_but(('dm',), FAMILY))
def test_a_scan_is_a_loop(family):
  d = build(FAMILY[family](), probe=scorer())
  looped, losses, _ = run(d, 5)
  stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *REAL[:5])
  scanned, metrics = jax.jit(
    lambda state: jax.lax.scan(d.update, state, stacked)
  )(start(d))
  np.testing.assert_allclose(metrics['loss'], losses, rtol=1e-5)
  chex.assert_trees_all_close(
    (scanned.params, scanned.objective, scanned.probe),
    (looped.params, looped.objective, looped.probe),
    rtol=1e-5,
    atol=1e-6,
  )


@pytest.mark.parametrize('family', FAMILY)
def test_a_step_descends_the_risk_of_the_values(family):
  objective = FAMILY[family]()
  d = build(objective, lr=0.2, risk=total())
  state = start(d)
  new, metrics = jax.jit(d.update)(state, REAL[0])
  seen = view(layout(CLASSES, IPC), hard_targets(layout(CLASSES, IPC), 3, 3))
  key = named(jax.random.fold_in(KEY, 0), 'match')

  def loss(params):
    values, *_ = objective.losses(
      seen(params), Step(REAL[0], state.objective, key)
    )
    return values.sum()

  value, grads = jax.jit(jax.value_and_grad(loss))(state.params)
  np.testing.assert_allclose(metrics['loss'], value, rtol=1e-5)
  np.testing.assert_allclose(
    metrics['grad_norm'], jnp.sqrt((grads.images**2).sum()), rtol=1e-4
  )
  chex.assert_trees_all_close(
    new.params.images,
    state.params.images - 0.2 * grads.images,
    rtol=1e-5,
    atol=1e-6,
  )


def test_a_network_lives_for_outer_matchings():
  d = build(gm(outer=3))
  update, state, ages = jax.jit(d.update), start(d), []
  for step in range(6):
    ages.append(int(state.objective.age))
    state, _ = update(state, REAL[step])
  assert ages == [0, 1, 2, 0, 1, 2]


def test_a_cell_without_synthetic_rows_is_an_error():
  d = build(dm(slots=2), slots=1)
  message = r'cells \[4\] have no synthetic rows.*slots=2\)'
  with pytest.raises(ValueError, match=message):
    start(d, slots=2, view_slots=1)


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


@pytest.mark.parametrize(
  'family',
  [pytest.param(f, marks=[pytest.mark.slow] * (f == 'dm')) for f in FAMILY],
)
def test_four_devices_are_one(family):
  options = {'data': 'real'} if family == 'gm' else {}
  d = build(
    FAMILY[family](slots=1, **options), 1, probe=scorer(), **everything()
  )
  alone, losses, _ = run(d, 3, slots=1)
  mesh = jax.make_mesh((4,), ('data',), axis_types=(AxisType.Auto,))
  with jax.set_mesh(mesh):
    whole = NamedSharding(mesh, PartitionSpec())
    split = NamedSharding(mesh, PartitionSpec('data'))
    state, update, sharded = (
      jax.device_put(start(d, 1), whole),
      jax.jit(d.update),
      [],
    )
    for step in range(3):
      state, metrics = update(state, jax.device_put(REAL[step], split))
      sharded.append(metrics['loss'])
  np.testing.assert_allclose(jnp.stack(sharded), losses, rtol=1e-5)
  chex.assert_trees_all_close(
    jax.device_get(state.params), jax.device_get(alone.params), atol=1e-5
  )


@pytest.mark.slow
def test_matching_convnets_distils():
  net = networks.build('convnet', CLASSES, width=4, depth=2)
  d = build(gm(net, outer=2), probe=scorer())
  state, losses, update = run(d, 3)
  assert update._cache_size() == 1
  chex.assert_tree_all_finite((state.params, losses))
