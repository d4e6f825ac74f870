"""Cases that the tests of robust share."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax.core.batch import Batch
from rdd_jax.core.transform import Scores

CLASSES, GROUPS = 4, 3


KEY = jax.random.key(5)


def unscored(*_) -> Scores:
  pytest.fail('nothing here needs scores')


def rows(seed: int, n: int = 40) -> Batch:
  rng = np.random.default_rng(seed)
  labels = jnp.asarray(rng.integers(0, CLASSES, n), jnp.int32)
  return Batch(
    inputs=jnp.asarray(rng.uniform(size=(n, 2, 2, 1)), jnp.float32),
    targets=jax.nn.one_hot(labels, CLASSES),
    weights=jnp.asarray(rng.uniform(0.2, 2, n), jnp.float32),
    cells=labels,
    groups=jnp.asarray(rng.integers(0, GROUPS, n), jnp.int32),
    index=jnp.arange(n, dtype=jnp.int32),
  )
