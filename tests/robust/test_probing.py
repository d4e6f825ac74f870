"""Probes that train on rows of several devices are those of one device."""

from __future__ import annotations

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from rdd_jax import data, networks
from rdd_jax.core.measure import empirical
from rdd_jax.images.preprocessing import standardize
from rdd_jax.robust import probing
from rdd_jax.runtime import distributed as meshes
from rdd_jax.training.probe import probe

DIGITS = data.load('digits')


@cache
def trained(devices: int) -> list[np.ndarray]:
  """Of a smooth network: rounding may flip a ReLU, which changes the rest."""
  net = networks.build(
    'convnet', 10, width=4, depth=2, activation='softplus', pooling='avg'
  )
  one = probe(net, optax.sgd(0.05, 0.9), DIGITS.image_shape, 10, decay=0.9)
  measure = empirical(DIGITS.train_labels, 10)
  mesh = meshes.make_mesh(devices)
  with meshes.use(mesh):
    images, held, state = meshes.replicate(
      (
        jnp.asarray(DIGITS.train_images),
        measure,
        jax.vmap(one.init)(jax.random.split(jax.random.key(0), 2)),
      ),
      mesh,
    )
    draw = partial(probing.draw, probes=2, steps=20, batch_size=64)
    drawn = jax.jit(draw)(jax.random.key(1), images, held)
    train = partial(probing.train, one, standardize([0.5], [0.5]), None)
    found = jax.jit(train)(drawn, images, state, 0, 20)
    return [np.asarray(leaf) for leaf in jax.tree.leaves(found)]


@pytest.mark.parametrize('devices', [2, 4])
def test_devices_change_no_more_than_rounding(devices):
  for a, b in zip(trained(devices), trained(1), strict=True):
    np.testing.assert_allclose(a, b, atol=1e-5)
