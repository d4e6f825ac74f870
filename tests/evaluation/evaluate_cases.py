"""Cases that the tests of evaluate share."""

from __future__ import annotations

from helpers import batch_of
import jax
import jax.numpy as jnp
import numpy as np

from rdd_jax import networks
from rdd_jax.core.batch import Batch

CLASSES, SHAPE = 3, (4, 4, 1)


NET = networks.build('mlp', CLASSES, width=16, depth=2)


def toy(n: int = 60, seed: int = 0) -> Batch:
  """Classes whose images are bright in different places."""
  rng = np.random.default_rng(seed)
  labels = np.arange(n) % CLASSES
  images = rng.normal(size=(n, *SHAPE)) * 0.3
  images[np.arange(n), labels] += 2.0
  return batch_of(
    inputs=jnp.asarray(images, jnp.float32),
    targets=jax.nn.one_hot(labels, CLASSES),
    cells=jnp.asarray(labels, jnp.int32),
    index=jnp.arange(n),
  )


def keys(n: int) -> jax.Array:
  return jax.random.split(jax.random.key(0), n)
