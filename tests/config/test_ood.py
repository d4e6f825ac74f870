"""Outliers as configurations name them: slots, sources, arms, what counts."""

from __future__ import annotations

import chex
from helpers import batch_of
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax import data
from rdd_jax.config.build import experiment as build_experiment
from rdd_jax.config.build import ood
from rdd_jax.config.build.optimizers import optimizer
from rdd_jax.config.defaults import Config
from rdd_jax.config.presets.datasets import DATA
from rdd_jax.config.presets.ood import trustdd
from rdd_jax.core.batch import NOWHERE, Batch
from rdd_jax.core.errors import UserError
from rdd_jax.core.measure import empirical
from rdd_jax.core.transform import DataSpec
from rdd_jax.experiment.tested import describe_tests
from rdd_jax.images.corruptions import in_turn
from rdd_jax.images.families import CORE
from rdd_jax.robust import expose_outliers, oe

CLASSES, KEY = 3, jax.random.key(0)


def rows(n: int = 12, outputs: int = CLASSES) -> Batch:
  cells = jnp.arange(n, dtype=jnp.int32) % CLASSES
  return batch_of(
    inputs=jax.random.uniform(jax.random.key(1), (n, 4, 4, 1)),
    targets=jax.nn.one_hot(cells, outputs),
    weights=jnp.linspace(0.5, 1.5, n),
    cells=cells,
    index=jnp.arange(n),
  )


def added(transform, batch: Batch, key: jax.Array = KEY) -> Batch:
  """The rows that a transform appends."""
  spec = DataSpec(1, CLASSES, batch.targets.shape[1], CLASSES + 9, 0)
  new, _ = jax.jit(
    lambda b: transform.update(
      b, transform.init(spec), key=key, score=pytest.fail, synthetic=b
    )
  )(batch)
  n = len(batch.weights)
  chex.assert_trees_all_equal(jax.tree.map(lambda x: x[:n], new), batch)
  return jax.tree.map(lambda x: x[n:], new)


def pool(n: int) -> np.ndarray:
  """Images that are told apart by their only value."""
  return np.broadcast_to(
    np.arange(n, dtype=np.uint8)[:, None, None, None], (n, 4, 4, 1)
  ).copy()


@pytest.mark.parametrize('m', [1, 5, 6, 40])
@pytest.mark.parametrize('lam', [0.0, 0.5])
def test_real_outliers_come_from_their_slots_share(m, lam):
  t = oe(
    pool(21),
    CLASSES,
    to_inputs=lambda x: x.astype(jnp.float32),
    weight=lam,
    slots=4,
    rows=m,
  )
  batch = rows()
  found = added(t, batch)
  slot = np.asarray(found.cells) - CLASSES
  np.testing.assert_array_equal(slot, np.arange(m) % 4)
  number = np.asarray(found.inputs[:, 0, 0, 0]).astype(int)
  np.testing.assert_array_equal(number // 5, slot)  # The 21st is left over.
  for s in range(4):  # None comes twice before all have come.
    own = number[slot == s]
    assert len(set(own)) == min(len(own), 5)
  np.testing.assert_allclose(
    found.weights.sum(), lam * batch.weights.sum(), rtol=1e-6
  )
  np.testing.assert_array_equal(found.index, NOWHERE)


def test_fewer_images_than_slots_are_refused():
  with pytest.raises(UserError, match='3 outlier images cannot fill 4 slots'):
    oe(pool(3), CLASSES, to_inputs=lambda x: x, slots=4)


@pytest.mark.parametrize('bad', [{'weight': -0.1}, {'slots': 0}, {'rows': 0}])
def test_what_cannot_be_meant_is_refused(bad):
  with pytest.raises(UserError, match='outliers of weight'):
    oe(pool(9), CLASSES, to_inputs=lambda x: x, **bad)


def test_each_slot_has_its_own_corruption():
  marks = [lambda key, x, i=i: jnp.full_like(x, i / 10) for i in range(2)]
  t = expose_outliers(
    in_turn(*marks, period=3),
    CLASSES,
    to_pixels=lambda x: x,
    to_inputs=lambda x: x,
    slots=3,
    rows=9,
  )
  found = added(t, rows())
  expected = np.asarray([0, 1, 0])[np.asarray(found.cells) - CLASSES] / 10
  np.testing.assert_allclose(found.inputs[:, 0, 0, 0], expected)


def build(
  arg: str, **options: object
) -> tuple[Config, build_experiment.Experiment]:
  config = trustdd('digits', arg)
  config.update(options)
  dataset = data.load('digits')
  return config, build_experiment.build(
    config, dataset, build_experiment.preprocessing(config, dataset)
  )


STORED = {
  'on_the_fly': 10,
  'none': 10,
  'poe': 20,
  'sampled': 20,
  'double_ipc': 20,
  'poe,slots=3': 13,
}


@pytest.mark.parametrize('arm', STORED)
def test_what_is_stored(arm):
  _, experiment = build(f'smoke,ipc=1,outliers={arm}')
  assert len(experiment.cells) == STORED[arm]
  reject = arm not in ('none', 'double_ipc')
  assert experiment.spec.num_outputs == 10 + reject


@pytest.mark.parametrize(
  ('arg', 'words'),
  [
    ('outliers=oe', 'needs a source'),
    ('outliers=po', "did you mean 'poe'"),
    ('loss=rejects', "did you mean 'reject'"),
    ('families=cores', "did you mean 'core'"),
  ],
)
def test_arms_that_there_are_not(arg, words):
  with pytest.raises(UserError) as error:
    trustdd('digits', arg)
  assert words in str(error.value)


@pytest.mark.slow
def test_sampled_outliers_start_like_distilled_ones_and_stay():
  images = jnp.asarray(data.load('digits').train_images)
  measure = empirical(data.load('digits').train_labels, 11)
  start, moved = {}, {}
  for arm in ('poe', 'sampled'):
    config, experiment = build(f'smoke,ipc=1,outliers={arm}')
    params = experiment.initial(KEY, images, measure)
    tx = optimizer(config, experiment.cells, 10)
    ones = jax.tree.map(jnp.ones_like, params)
    updates, _ = tx.update(ones, tx.init(params), params)
    start[arm], moved[arm] = params.images, updates.images
  chex.assert_trees_all_equal(start['poe'], start['sampled'])
  np.testing.assert_array_equal(moved['sampled'][10:], 0)
  np.testing.assert_array_equal(moved['sampled'][:10], moved['poe'][:10])
  assert (moved['poe'] != 0).all()


def test_every_arm_is_judged_on_the_same_sets_and_averages_the_same():
  dataset = data.load('digits')
  marks = []
  for arg in ('', 'outliers=none', 'outliers=poe,families=released'):
    outside = ood.load(trustdd('digits', arg), dataset)
    assert outside is not None
    marks.append(describe_tests(outside, None)['outside'])
  assert marks[0] == marks[1] == marks[2]
  assert marks[0]['rows'] == 500
  counted = [s['name'] for s in marks[0]['sets'] if not s['seen']]
  assert 'patches' in counted
  assert 'rotation90' in counted
  assert not {'gaussian', 'uniform'} & set(counted)


def test_families_and_sources_that_are_trained_on_are_seen():
  config = trustdd('digits', '')
  config.outside.seen = ()
  assert ood.seen(config) == set(CORE)
  config.student.outliers.corruptions = ('avg_mean', 'rotation')
  assert ood.seen(config) == {'mix', 'rotation'}
  real = trustdd('digits', 'outliers=oe:tfds:mnist@train[:10]')
  real.outside.sets = ('tfds:mnist', 'near:tfds:mnist@test[:5]')
  assert 'tfds:mnist' in ood.seen(real)
  assert ood.source('near:tfds:mnist@test[:5]') == 'tfds:mnist'


def test_slots_are_named_after_what_fills_them():
  names = ood.slot_names(trustdd('digits', 'outliers=poe,slots=8'))
  assert names == [*CORE, *CORE[:2]]
  real = trustdd('digits', 'outliers=oe:tfds:mnist@train[:10],slots=2')
  assert ood.slot_names(real) == ['tfds:mnist', 'tfds:mnist']
  assert ood.slot_names(trustdd('digits', '')) == []


def test_sets_are_named_for_every_data_set():
  for dataset, row in DATA.items():
    names = row.ood_sets
    assert len(set(names)) == len(names), dataset
    assert not names or {'gaussian', 'patches', 'cutmix'} <= set(names)
