"""Laws of the probe, and of the SGD step that all networks share."""

from __future__ import annotations

from dataclasses import replace

import chex
from helpers import batch_of
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from rdd_jax import networks
from rdd_jax.core.batch import Batch, concat, take
from rdd_jax.networks import functional
from rdd_jax.training import sgd
from rdd_jax.training.probe import no_probe, probe

SHAPE, CLASSES = (4, 4, 1), 3
KEY = jax.random.key(0)
NET = networks.build('mlp', CLASSES, width=8, depth=2)
TX = optax.sgd(0.3, momentum=0.5)


def rows(seed: int, n: int = 30) -> Batch:
  """Classes that a mean tells apart."""
  rng = np.random.default_rng(seed)
  labels = rng.integers(0, CLASSES, n)
  centres = np.random.default_rng(99).normal(size=(CLASSES, *SHAPE))
  inputs = centres[labels] + 0.1 * rng.normal(size=(n, *SHAPE))
  return batch_of(
    inputs=jnp.asarray(inputs, jnp.float32),
    targets=jnp.eye(CLASSES)[labels],
    weights=jnp.asarray(rng.uniform(0.5, 2, n), jnp.float32),
    cells=jnp.asarray(labels, jnp.int32),
  )


def make(decay: float = 0.9, net=NET):
  return probe(net, TX, SHAPE, CLASSES, decay=decay)


@pytest.mark.parametrize('decay', [0.0, 0.7])
@pytest.mark.parametrize('norm', [None, 'batch'])
def test_average_is_the_moving_average_of_all_variables(decay, norm):
  net = (
    networks.build('convnet', CLASSES, width=2, depth=1, norm=norm)
    if norm
    else NET
  )
  p = make(decay, net)
  advance = jax.jit(p.advance)
  state = p.init(KEY)
  average = jax.tree.map(np.asarray, state.learner.variables)
  for seed in range(4):
    state = advance(rows(seed), state)
    kept = min(decay, (seed + 1) / (seed + 10))
    average = jax.tree.map(
      lambda a, b, kept=kept: kept * a + (1 - kept) * np.asarray(b),
      average,
      state.learner.variables,
    )
  chex.assert_trees_all_close(state.average, average, rtol=1e-5, atol=1e-6)
  assert bool(average['batch_stats']) == (norm == 'batch')


def test_scores_are_those_of_the_average():
  p = make()
  state = p.advance(rows(0), p.init(KEY))
  batch = rows(1)
  scores = p.score(state)(batch)
  logits, features = networks.apply(NET, state.average, batch.inputs)
  np.testing.assert_allclose(scores.logits, logits, rtol=1e-6)
  np.testing.assert_allclose(scores.features, features, rtol=1e-6)
  losses = jax.nn.logsumexp(logits, 1) - (logits * batch.targets).sum(1)
  np.testing.assert_allclose(scores.losses, losses, rtol=1e-4, atol=1e-6)
  raw, _ = networks.apply(NET, state.learner.variables, batch.inputs)
  assert (jnp.abs(raw - logits) > 1e-4).any()


def test_no_gradient_passes_a_score():
  p = make()
  state, batch = p.init(KEY), rows(0)

  def total(inputs):
    return sum(
      leaf.sum() for leaf in p.score(state)(replace(batch, inputs=inputs))
    )

  np.testing.assert_array_equal(jax.grad(total)(batch.inputs), 0)


def test_training_makes_losses_small():
  p = make()
  advance = jax.jit(p.advance)
  state = p.init(KEY)
  before = p.score(state)(rows(50)).losses.mean()
  for seed in range(40):
    state = advance(rows(seed), state)
  after = p.score(state)(rows(50)).losses.mean()
  assert float(after) < 0.2 * float(before)
  assert advance._cache_size() == 1


def test_masked_rows_do_not_train():
  p = make()
  batch = rows(0)
  noise = replace(rows(1), weights=jnp.zeros(30))
  chex.assert_trees_all_close(
    p.advance(concat(batch, noise), p.init(KEY)),
    p.advance(batch, p.init(KEY)),
    rtol=1e-5,
    atol=1e-6,
  )


def test_no_probe_refuses_to_score_and_says_what_to_do():
  p = no_probe()
  state = p.init(KEY)
  assert p.advance(rows(0), state) == state == ()
  with pytest.raises(ValueError, match=r'has no probe; give it probe=probe\('):
    p.score(state)(rows(0))


def test_a_step_descends_the_gradient_of_the_weighted_loss():
  batch, rate = rows(2), 0.3
  tx = optax.sgd(rate)
  start = sgd.init(NET, tx, KEY, SHAPE)

  def loss(params):
    logits, _ = networks.apply(
      NET, {**start.variables, 'params': params}, batch.inputs
    )
    rows = jax.nn.logsumexp(logits, 1) - (logits * batch.targets).sum(1)
    return jnp.average(rows, weights=batch.weights)

  params = start.variables['params']
  expected = jax.tree.map(
    lambda p, g: p - rate * g, params, jax.grad(loss)(params)
  )
  end = sgd.step(NET, tx, start, batch, CLASSES)
  chex.assert_trees_all_close(
    end.variables['params'], expected, rtol=1e-5, atol=1e-6
  )


def test_outlier_rows_do_not_dilute_the_step():
  """The gradient of lambda rows adds to that of the classes."""
  batch = rows(3)
  outliers = replace(
    take(rows(4), np.arange(6)),
    targets=jnp.full((6, CLASSES), 1 / CLASSES),
    cells=jnp.full(6, CLASSES, jnp.int32),
  )
  variables = networks.init(NET, KEY, SHAPE)

  def loss(b):
    return sgd.loss(NET, variables, b, CLASSES)[0]

  # Alone, outliers have no mass of classes to be divided by.
  alone = loss(outliers) / batch.weights.sum()
  np.testing.assert_allclose(
    loss(concat(batch, outliers)), loss(batch) + alone, rtol=1e-5
  )


@pytest.mark.slow
def test_gradients_in_blocks_are_those_of_the_whole(monkeypatch):
  """With rows that do not divide, masked ones, and outliers in one block."""
  net = networks.build('convnet', CLASSES, width=4, depth=1)
  batch = rows(7)
  n = batch.weights.shape[0]
  batch = replace(
    batch,
    cells=batch.cells.at[-2:].set(CLASSES),
    weights=batch.weights.at[0].set(0.0),
  )
  variables = networks.init(net, KEY, batch.inputs.shape[1:])
  whole, _ = sgd.gradient(net, variables, batch, CLASSES)
  size = batch.inputs[0, ..., 0].size * 4 * 4
  for block in (1, 3, n - 1):
    monkeypatch.setattr(functional, 'CACHE', block * size)
    found, _ = sgd.gradient(net, variables, batch, CLASSES)
    chex.assert_trees_all_close(found, whole, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
  ('n', 'size', 'steps'), [(10, 5, 4), (10, 3, 7), (7, 1, 20), (9, 4, 1)]
)
def test_minibatches_are_epochs_without_repetition(n, size, steps):
  order = np.asarray(sgd.minibatches(KEY, n, size, steps))
  assert order.shape == (steps, size)
  assert ((order >= 0) & (order < n)).all()
  per_epoch = n // size
  for start in range(0, steps, per_epoch):
    epoch = order[start : start + per_epoch].ravel()
    assert len(set(epoch)) == len(epoch)


@pytest.mark.parametrize('size', [6, 100])
def test_large_minibatches_take_all_rows(size):
  order = sgd.minibatches(KEY, 6, size, 3)
  np.testing.assert_array_equal(order, [range(6)] * 3)


def test_no_steps_need_no_minibatches():
  assert sgd.minibatches(KEY, 6, 2, 0).shape == (0, 2)
