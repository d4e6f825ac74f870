"""ODIN, beside finite differences; outputs of networks."""

from __future__ import annotations

from evaluation.ood.odin_cases import CLASSES, SHAPE
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from rdd_jax import networks
from rdd_jax.core.batch import take
from rdd_jax.evaluation.ood.odin import odin
from rdd_jax.images.preprocessing import standardize
from rdd_jax.training.predict import describe, embed, predict


@pytest.fixture(scope='module', params=[0, 1], ids=['plain', 'reject'])
def trained(request):
  """A tiny network, the variables of two of it, and images."""
  net = networks.build('mlp', CLASSES + request.param, width=16, depth=2)
  stacked = jax.vmap(lambda key: networks.init(net, key, SHAPE))(
    jax.random.split(jax.random.key(0), 2)
  )
  images = np.random.default_rng(0).normal(size=(20, *SHAPE)).astype('f')
  return net, stacked, images


def sureness(net, stacked, images, temperature: float) -> np.ndarray:
  logits = predict(net, stacked, images)[:, :, :CLASSES].astype(np.float64)
  return special.log_softmax(logits / temperature, -1).max(-1)


@pytest.mark.parametrize('batch_size', [7, 64])
def test_outputs_are_predictions_and_features(trained, batch_size):
  net, stacked, images = trained
  logits, features, _ = describe(net, stacked, images, batch_size=batch_size)
  np.testing.assert_allclose(
    logits, predict(net, stacked, images), rtol=1e-5, atol=1e-5
  )
  for i, found in enumerate(features):
    one = take(stacked, jnp.array(i))
    expected = embed(net, one, images)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_odin_without_a_step_is_the_softmax_at_its_temperature(trained):
  found = odin(*trained, None, CLASSES, magnitude=0)
  expected = sureness(*trained, 1000)
  np.testing.assert_allclose(found, expected, rtol=0, atol=1e-8)
  assert all(len(np.unique(row)) == 20 for row in found)  # no tie by rounding


def test_odin_steps_as_finite_differences_do(trained):
  net, stacked, images = trained
  step, size, temperature = 0.02, 1e-2, 2.0
  found = odin(
    net, stacked, images, None, CLASSES, temperature=2, magnitude=step
  )
  assert (found > sureness(net, stacked, images, temperature)).mean() > 0.95
  basis = np.eye(16, dtype='f').reshape(16, 1, *SHAPE)
  around = images + size * np.concatenate([basis, -basis])
  values = sureness(net, stacked, around.reshape(-1, *SHAPE), temperature)
  up, down = np.split(values.reshape(2, 32, 20), 2, axis=1)
  uphill = np.sign(up - down).transpose(0, 2, 1).reshape(2, 20, *SHAPE)
  for i, direction in enumerate(uphill):
    one = take(stacked, jnp.array([i]))
    moved = images + step * direction.astype('f')
    expected = sureness(net, one, moved, temperature)[0]
    # Where a unit turns on within the difference, it may have another sign.
    close = np.isclose(found[i], expected, rtol=1e-5, atol=1e-6)
    assert close.mean() > 0.8
    np.testing.assert_allclose(found[i], expected, atol=0.02)


@pytest.mark.parametrize('batch_size', [7, 64])
def test_odin_does_not_depend_on_the_batch_size(trained, batch_size):
  net, stacked, images = trained
  pixels = np.uint8(np.clip(128 + 50 * images, 0, 255))
  preprocess = standardize([0.5], [0.2])
  whole = odin(net, stacked, pixels, preprocess, CLASSES, batch_size=20)
  parts = odin(net, stacked, pixels, preprocess, CLASSES, batch_size=batch_size)
  np.testing.assert_allclose(parts, whole, rtol=0, atol=1e-7)
  ready = np.asarray(preprocess(jnp.asarray(pixels)))
  already = odin(net, stacked, ready, None, CLASSES)
  np.testing.assert_allclose(already, whole, rtol=0, atol=1e-7)
