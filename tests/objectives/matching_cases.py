"""Cases that the tests of matching share."""

from __future__ import annotations

import flax.linen as nn
from helpers import batch_of
import jax
import jax.numpy as jnp
import numpy as np
import optax

from rdd_jax import networks
from rdd_jax.core.batch import Batch
from rdd_jax.objectives import Inner, distribution_matching, gradient_matching
from rdd_jax.objectives.base import Step

SHAPE, CLASSES = (8, 8, 1), 3


KEY = jax.random.key(0)


def convnet(width: int = 4, depth: int = 2, **options) -> nn.Module:
  return networks.build('convnet', CLASSES, width=width, depth=depth, **options)


def rows(seed: int, n: int, cells=None) -> Batch:
  """`n` rows with soft targets and uneven weights."""
  rng = np.random.default_rng(seed)
  cells = rng.integers(0, CLASSES, n) if cells is None else cells
  return batch_of(
    inputs=jnp.asarray(rng.normal(size=(n, *SHAPE)), jnp.float32),
    targets=jnp.asarray(rng.dirichlet(np.ones(CLASSES), n), jnp.float32),
    weights=jnp.asarray(rng.uniform(0.2, 2, n), jnp.float32),
    cells=jnp.asarray(cells, jnp.int32),
  )


def synthetic_rows(seed: int = 9, ipc: int = 2) -> Batch:
  return rows(seed, CLASSES * ipc, np.repeat(range(CLASSES), ipc))


def dm(net: nn.Module, real_rows: int = 12, synthetic_rows: int = 4, **options):
  return distribution_matching(
    net,
    SHAPE,
    CLASSES,
    real_rows=real_rows,
    synthetic_rows=synthetic_rows,
    **options,
  )


def gm(net: nn.Module, real_rows: int = 12, synthetic_rows: int = 4, **options):
  return gradient_matching(
    net,
    SHAPE,
    CLASSES,
    CLASSES,
    real_rows=real_rows,
    synthetic_rows=synthetic_rows,
    inner=Inner(optax.sgd(0.1), steps=2, batch_size=4),
    outer=3,
    **options,
  )


FAMILY = {'dm': dm, 'gm': gm}


class Case:
  """An objective at one state, compiled once for all tests of a module."""

  def __init__(self, objective):
    self.state = objective.init(jax.random.key(1))
    self.losses = jax.jit(
      lambda synthetic, real, key: objective.losses(
        synthetic, Step(real, self.state, key)
      )
    )

  def __call__(self, synthetic: Batch, real: Batch, key=KEY):
    return self.losses(synthetic, real, key)


def hidden(params, x):
  x = x.reshape(len(x), -1)
  return x, np.maximum(
    x @ params['Dense_0']['kernel'] + params['Dense_0']['bias'], 0
  )
