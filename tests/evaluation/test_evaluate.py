"""Training from scratch on weighted rows, and how the result is measured."""

from __future__ import annotations

from dataclasses import replace

import chex
from evaluation.evaluate_cases import CLASSES, NET, SHAPE, keys, toy
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax import networks
from rdd_jax.core.batch import take
from rdd_jax.core.transform import stateless
from rdd_jax.evaluation import metrics
from rdd_jax.images.preprocessing import standardize
from rdd_jax.training.fit import fit, fit_in_turn, fit_many
from rdd_jax.training.predict import embed, predict
from rdd_jax.training.recipe import Recipe

SIZES = {'num_classes': CLASSES, 'input_shape': SHAPE}


@pytest.mark.parametrize(
  'recipe',
  [
    Recipe(steps=60, learning_rate=0.1, schedule='step'),
    Recipe(epochs=20, batch_size=25, learning_rate=0.1, schedule='cosine'),
    Recipe(steps=60, learning_rate=0.01, optimizer='adam', schedule='warmup'),
    Recipe(steps=80, learning_rate=0.1, ema=0.9, schedule='milestones'),
    Recipe(steps=100, learning_rate=0.1, cutmix=0.5),
  ],
  ids=lambda r: f'{r.optimizer}-{r.schedule}',
)
def test_a_network_learns_what_can_be_separated(recipe):
  train, test = toy(), toy(90, seed=1)
  variables = fit_many(NET, train, recipe, **SIZES, seeds=keys(2))
  for logits in predict(NET, variables, test.inputs):
    assert metrics.accuracy(logits, np.asarray(test.cells)) > 0.9


def test_rows_of_weight_zero_do_not_matter():
  batch, rubbish = toy(30), toy(12, seed=5)
  weights = jnp.linspace(0.5, 1.5, 30)
  batch = replace(batch, weights=weights)
  rubbish = replace(rubbish, inputs=100 * rubbish.inputs, weights=jnp.zeros(12))
  both = jax.tree.map(lambda *x: jnp.concatenate(x), batch, rubbish)
  recipe = Recipe(steps=10, learning_rate=0.1)
  fits = [
    fit(NET, b, recipe, **SIZES, key=jax.random.key(1)) for b in (batch, both)
  ]
  chex.assert_trees_all_close(*fits, rtol=1e-4, atol=1e-5)


def test_a_weight_of_two_is_a_row_twice():
  batch = toy(12)
  twice = take(batch, jnp.concatenate([jnp.arange(12), jnp.arange(4)]))
  heavy = replace(batch, weights=batch.weights.at[:4].set(2.0))
  recipe = Recipe(steps=10, learning_rate=0.1)
  fits = [
    fit(NET, b, recipe, **SIZES, key=jax.random.key(1)) for b in (twice, heavy)
  ]
  chex.assert_trees_all_close(*fits, rtol=1e-4, atol=1e-5)


def test_every_minibatch_row_is_seen_once_in_an_epoch():
  # Steps of plain SGD along a constant gradient: counts rows by their weights.
  seen = []

  def watch(key, images):
    del key
    jax.debug.callback(lambda x: seen.append(np.array(x)), images)
    return images

  batch = toy(10)
  marks = jnp.broadcast_to(jnp.arange(10.0)[:, None, None, None], (10, *SHAPE))
  recipe = Recipe(epochs=2, batch_size=4, augment=watch)
  batch = replace(batch, inputs=marks)
  jax.block_until_ready(fit(NET, batch, recipe, **SIZES, key=jax.random.key(0)))
  jax.effects_barrier()
  rows = np.stack(seen)[:, :, 0, 0, 0].astype(int)
  assert rows.shape == (6, 4)  # three minibatches of four: two rows come twice
  for epoch in rows.reshape(2, 12):
    assert set(epoch.tolist()) == set(range(10))
  assert (rows[:3] != rows[3:]).any()


def test_arms_and_seeds_share_one_program():
  traces = []

  def count(key, images):
    del key
    traces.append(images.shape)
    return images

  recipe = Recipe(epochs=2, batch_size=15, augment=count)
  fit_many(NET, toy(), recipe, **SIZES, seeds=keys(2))
  first = len(traces)
  for seed in (1, 2, 3):
    again = jax.random.split(jax.random.key(seed), 2)
    fit_many(NET, toy(seed=seed), replace(recipe), **SIZES, seeds=again)
  assert len(traces) == first


def test_seeds_differ_and_a_key_decides_all():
  recipe = Recipe(epochs=3, batch_size=20, learning_rate=0.1)
  two = fit_many(NET, toy(), recipe, **SIZES, seeds=keys(2))
  again = fit_many(NET, toy(), recipe, **SIZES, seeds=keys(2))
  chex.assert_trees_all_equal(two, again)
  kernel = two['params'][next(iter(two['params']))]['kernel']
  assert not jnp.allclose(kernel[0], kernel[1])


def test_seeds_side_by_side_equal_seeds_one_by_one():
  recipe = Recipe(epochs=3, batch_size=20, learning_rate=0.1)
  both = [
    fit_many(NET, toy(), recipe, **SIZES, seeds=keys(3), parallel=parallel)
    for parallel in (False, True)
  ]
  chex.assert_trees_all_close(*both, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('parallel', [False, True])
def test_networks_that_are_told_of_are_the_same_to_the_bit(parallel):
  recipe = Recipe(epochs=3, batch_size=20, learning_rate=0.1)
  options = {**SIZES, 'seeds': keys(3), 'parallel': parallel}
  told = []
  found = fit_in_turn(
    NET, toy(), recipe, tell=lambda *at: told.append(at), **options
  )
  chex.assert_trees_all_equal(found, fit_many(NET, toy(), recipe, **options))
  assert told == ([(3, 0)] if parallel else [(1, 2), (1, 1), (1, 0)])


def test_the_student_chain_edits_every_step():
  # It turns the labels round, scored by the network in training.
  def turn(batch, *, key, score, synthetic):
    del key, synthetic
    assert score(batch).losses.shape == batch.weights.shape
    return replace(batch, targets=jnp.roll(batch.targets, 1, 1))

  variables = fit_many(
    NET,
    toy(),
    Recipe(steps=60, learning_rate=0.1),
    **SIZES,
    seeds=keys(1),
    student=stateless(turn),
  )
  predicted = predict(NET, variables, toy(30, seed=1).inputs)[0].argmax(-1)
  turned = (toy(30).cells + 1) % CLASSES
  assert (predicted == turned).mean() > 0.9


def test_raw_rows_are_preprocessed_in_flight():
  pixels = jnp.asarray(
    np.random.default_rng(0).integers(0, 256, (20, *SHAPE)), jnp.uint8
  )
  preprocess = standardize([0.4], [0.2])
  raw = replace(toy(20), inputs=pixels)
  ready = replace(raw, inputs=preprocess(pixels))
  recipe = Recipe(steps=10, learning_rate=0.1)
  key = jax.random.key(0)
  chex.assert_trees_all_close(
    fit(NET, raw, recipe, **SIZES, key=key, preprocess=preprocess),
    fit(NET, ready, recipe, **SIZES, key=key),
    rtol=1e-5,
    atol=1e-6,
  )


@pytest.mark.parametrize('batch_size', [7, 20, 64])
def test_predictions_do_not_depend_on_the_batch_size(batch_size):
  variables = fit_many(NET, toy(), Recipe(steps=5), **SIZES, seeds=keys(2))
  images = np.asarray(toy(20, seed=1).inputs)
  expected = [
    networks.apply(NET, one, images).logits
    for one in (take(variables, jnp.array(s)) for s in range(2))
  ]
  got = predict(NET, variables, images, batch_size=batch_size)
  np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)
  last = take(variables, jnp.array(1))
  np.testing.assert_allclose(
    embed(NET, last, images, batch_size=batch_size),
    networks.apply(NET, last, images).features,
    rtol=1e-5,
    atol=1e-5,
  )


@pytest.mark.parametrize(
  'options',
  [
    {},
    {'epochs': 1, 'steps': 1},
    {'steps': 1, 'schedule': 'linear'},
    {'steps': 1, 'optimizer': 'lion'},
  ],
)
def test_a_recipe_that_cannot_be_meant_is_refused(options):
  with pytest.raises(ValueError, match=r'epochs|schedule|optimizer'):
    Recipe(**options)
