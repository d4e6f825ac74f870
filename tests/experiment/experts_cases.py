"""Cases that the tests of experts share."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax

from rdd_jax import networks
from rdd_jax.core.measure import empirical
from rdd_jax.core.transform import (
  BoundTransform,
  EmptyState,
  identity,
)
from rdd_jax.images.preprocessing import standardize
from rdd_jax.training.expert import Expert, expert

SHAPE, CLASSES, N = (4, 4, 1), 3, 48


NET = networks.build('mlp', CLASSES, width=4, depth=2)


PLAIN = standardize([0.5], [0.25])


KEY = jax.random.key(0)


RNG = np.random.default_rng(0)


IMAGES = jnp.asarray(RNG.integers(0, 256, (N, *SHAPE), np.uint8))


MEASURE = empirical(np.arange(N) % CLASSES, CLASSES)


def make(edit=None, **options) -> Expert:
  return expert(
    NET,
    optax.sgd(0.1, momentum=0.9),
    SHAPE,
    CLASSES,
    preprocess=PLAIN,
    batch_size=8,
    edit=edit or BoundTransform(EmptyState(), identity()),
    **options,
  )
