"""Laws of the distiller: one program, three places, one randomness."""

from __future__ import annotations

from dataclasses import replace

import chex
from distill_cases import (
  CLASSES,
  FAMILY,
  GROUPS,
  IPC,
  KEY,
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
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from marks import slow_but
import numpy as np
import pytest

from rdd_jax import networks
from rdd_jax.core.keys import named
from rdd_jax.core.risk import cvar, equal, mix, total, worst
from rdd_jax.core.transform import (
  Transform,
  chain,
)
from rdd_jax.objectives.base import Step
from rdd_jax.robust import expose_outliers, tilt
from rdd_jax.synthetic.view import hard_targets, layout, view


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
