"""Experts train as they say, and initialize images and labels."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from experiment.experts_cases import (
  CLASSES,
  IMAGES,
  KEY,
  MEASURE,
  NET,
  PLAIN,
  SHAPE,
  N,
  make,
)
from helpers import batch_of
import jax
import jax.numpy as jnp
import numpy as np

from rdd_jax import networks
from rdd_jax.core.transform import (
  BoundTransform,
  EmptyState,
  stateless,
)
from rdd_jax.synthetic.init import ensemble_logits, recognized
from rdd_jax.training import sgd
from rdd_jax.training.expert import flat_gradient


def test_gsam_is_sam_without_alpha_and_sgd_without_radius():
  cells = jnp.arange(9) % CLASSES
  batch = batch_of(
    inputs=PLAIN(IMAGES[:9]),
    targets=jax.nn.one_hot(cells, CLASSES),
    cells=cells,
    groups=cells,
    index=cells,
  )
  variables = networks.init(NET, KEY, SHAPE)
  flat = networks.flatten

  @jax.jit
  def gradient(params):
    given = {**variables, 'params': params}
    return flat(sgd.gradient(NET, given, batch, CLASSES)[0])

  @partial(jax.jit, static_argnums=(0, 1))
  def ours(radius, alpha):
    found = flat_gradient(
      NET, variables, batch, CLASSES, radius=radius, alpha=alpha
    )
    return flat(found[0])

  plain = np.asarray(gradient(variables['params']))
  np.testing.assert_allclose(ours(0.0, 0.3), plain, rtol=1e-5, atol=1e-7)
  unflatten = networks.unflatten(NET, SHAPE)
  there = flat(variables['params']) + 0.5 * plain / np.linalg.norm(plain)
  steep = np.asarray(gradient(unflatten(there)['params']))
  np.testing.assert_allclose(ours(0.5, 0.0), steep, rtol=1e-4, atol=1e-6)
  across = plain - plain @ steep / (steep @ steep) * steep
  np.testing.assert_allclose(
    ours(0.5, 0.3), steep - 0.3 * across, rtol=1e-4, atol=1e-6
  )


def test_an_epoch_of_equal_weights_takes_nearly_every_row_once():
  seen = []
  spy = stateless(
    lambda batch, **_: (
      jax.debug.callback(
        lambda index: seen.append(np.array(index)), batch.index
      )
      or batch
    )
  )
  edited = make(BoundTransform(EmptyState(), spy))
  jax.block_until_ready(edited.epoch(edited.init(KEY), KEY, IMAGES, MEASURE))
  jax.effects_barrier()
  index = np.concatenate(seen)
  assert len(index) == N
  assert len(np.unique(index)) >= N - 1


def test_recognised_rows_come_first_and_untrusted_ones_last():
  """An expert whose head says class 0 of everything."""
  params = networks.init(NET, KEY, SHAPE)['params']
  params['Dense_1']['kernel'] *= 0
  params['Dense_1']['bias'] = jnp.array([1.0, 0.0, 0.0])
  weights = MEASURE.weights.at[:24].set(0.0)
  measure = replace(MEASURE, weights=weights)
  found = recognized(
    NET, [networks.flatten(params)], KEY, IMAGES, measure, CLASSES, 10, PLAIN
  )
  cells = np.asarray(MEASURE.cells)
  np.testing.assert_array_equal(cells[found], np.repeat(range(CLASSES), 10))
  for c in range(CLASSES):
    mine = found[10 * c : 10 * c + 10]
    assert len(set(mine)) == 10
    assert (mine[:8] >= 24).all()  # eight rows of a class are trusted
    assert (mine[8:] < 24).all()


def test_labels_are_the_mean_of_the_experts_that_are_right():
  logits = np.array([[[3.0, 0, 0], [0, 2.0, 0]], [[1.0, 0, 0], [5.0, 0, 0]]])
  found = ensemble_logits(logits, np.array([0, 1]))
  np.testing.assert_allclose(found, [[2, 0, 0], [0, 2, 0]])
  nobody = ensemble_logits(logits, np.array([2, 2]))
  assert (nobody.argmax(1) == 2).all()
