"""Laws of going cell by cell: what is fetched late, and what is held."""

from __future__ import annotations

from dataclasses import replace

import chex
import jax
from jax import Array
import jax.numpy as jnp
import numpy as np
from objectives.matching_cases import convnet
import pytest

from rdd_jax import networks
from rdd_jax.core.batch import Batch, Look, take
from rdd_jax.objectives.base import Step
from rdd_jax.objectives.cells import with_gradient
from rdd_jax.objectives.distribution import distribution_matching

SHAPE, REAL_ROWS = (16, 16, 3), 64
NET = convnet()


def rows(cells: np.ndarray, inputs: Array, classes: int) -> Batch:
  n = len(cells)
  return Batch(
    inputs=inputs,
    targets=jax.nn.one_hot(cells, classes),
    weights=jnp.ones(n),
    cells=jnp.asarray(cells),
    groups=jnp.full(n, -1),
    index=jnp.arange(n),
  )


def fetch(images: Array, batch: Batch) -> Batch:
  inputs = take(images, batch.inputs).astype(jnp.float32) / 255
  return replace(batch, inputs=inputs)


def loss_of(classes: int, images: Array, *, late: bool):
  """From synthetic images `[classes, ...]` to the sum of DM's values."""
  cells = np.repeat(np.arange(classes), REAL_ROWS)
  numbers = rows(cells, jnp.arange(len(cells)), classes)
  objective = distribution_matching(
    NET, SHAPE, classes, real_rows=REAL_ROWS, synthetic_rows=1
  )
  state = objective.init(jax.random.key(0))

  def loss(synthetic: Array, images: Array) -> Array:
    real, look = numbers, Look(images, fetch)
    if not late:
      real, look = look(real), Look()
    step = Step(real, state, jax.random.key(1), look=look)
    own = rows(np.arange(classes), synthetic, classes)
    return objective.losses(own, step)[0].sum()

  return loss


def test_rows_fetched_late_are_the_same_rows():
  rng = np.random.default_rng(0)
  images = jnp.asarray(rng.integers(0, 256, (3 * REAL_ROWS, *SHAPE), np.uint8))
  synthetic = jnp.asarray(rng.normal(size=(3, *SHAPE)), jnp.float32)
  late, there = (
    jax.jit(jax.value_and_grad(loss_of(3, images, late=late)))(
      synthetic, images
    )
    for late in (True, False)
  )
  chex.assert_trees_all_close(late, there, rtol=1e-5, atol=1e-6)


def held(classes: int) -> int:
  """Bytes that a gradient of DM needs beside what it is given."""
  images = jnp.zeros((classes * REAL_ROWS, *SHAPE), jnp.uint8)
  synthetic = jnp.zeros((classes, *SHAPE))
  gradient = jax.jit(jax.grad(loss_of(classes, images, late=True)))
  compiled = gradient.lower(synthetic, images).compile()
  return compiled.memory_analysis().temp_size_in_bytes


def test_memory_is_that_of_one_cell():
  assert held(160) <= 1.5 * held(10)


@pytest.mark.parametrize('jit', [False, True])
def test_a_gradient_with_its_value_is_that_of_the_function(jit: bool):
  net = networks.init(NET, jax.random.key(2), SHAPE)
  inputs = jax.random.normal(jax.random.key(3), (4, *SHAPE))

  def plain(x: Array) -> Array:
    return jnp.sum(networks.apply(NET, net, x).features ** 2)

  def looped(fn):
    return lambda xs: jax.lax.map(fn, xs.reshape(2, 2, *SHAPE)).sum()

  ours = jax.value_and_grad(looped(lambda x: with_gradient(plain, x)))
  theirs = jax.value_and_grad(looped(plain))
  if jit:
    ours, theirs = jax.jit(ours), jax.jit(theirs)
  chex.assert_trees_all_close(
    ours(inputs), theirs(inputs), rtol=1e-5, atol=1e-6
  )
