"""Cases that the tests of gates share."""

from __future__ import annotations

from dataclasses import replace

from helpers import batch_of
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax.core.batch import Batch, concat, take
from rdd_jax.core.transform import (
  DataSpec,
  DataView,
  Scores,
  Transform,
  stateless,
)

SPEC = DataSpec(
  num_examples=20, num_classes=3, num_outputs=3, num_cells=4, num_groups=2
)


KEY = jax.random.key(7)


def rows(n: int = 6, seed: int = 0) -> Batch:
  rng = np.random.default_rng(seed)
  labels = jnp.asarray(rng.integers(0, 3, n), jnp.int32)
  return batch_of(
    inputs=jnp.asarray(rng.normal(size=(n, 2)), jnp.float32),
    targets=jax.nn.one_hot(labels, 3),
    cells=labels,
    groups=labels % 2,
    index=jnp.arange(n, dtype=jnp.int32),
  )


def score(batch: Batch) -> Scores:
  return Scores(batch.inputs.sum(1), batch.inputs, batch.targets)


def call(t: Transform, state, batch: Batch | None = None, key=KEY) -> tuple:
  batch = rows() if batch is None else batch
  return t.update(batch, state, key=key, score=score, synthetic=rows(2, 9))


def noise(scale: float = 1.0) -> Transform:
  def fn(batch, *, key, score, synthetic):
    del score, synthetic
    shift = scale * jax.random.normal(key, batch.weights.shape)
    return replace(batch, inputs=batch.inputs + shift[:, None])

  return stateless(fn)


def append(n: int) -> Transform:
  """Appends the first `n` rows again, in cell 3."""

  def fn(batch, *, key, score, synthetic):
    del key, score, synthetic
    again = take(batch, jnp.arange(n))
    return concat(batch, replace(again, cells=jnp.full_like(again.cells, 3)))

  return stateless(fn)


def counter() -> Transform:
  """Counts its calls, of either kind, and leaves marks of them."""

  def init(spec):
    del spec
    return {'updates': jnp.zeros([], jnp.int32), 'prepares': 0}

  def prepare(measure, state, *, key, data):
    del key, data
    measure = replace(measure, weights=measure.weights * 2)
    return measure, {**state, 'prepares': state['prepares'] + 1}

  def update(batch, state, *, key, score, synthetic):
    del key, score, synthetic
    state = {**state, 'updates': state['updates'] + 1}
    return replace(batch, weights=batch.weights * 2), state

  return Transform(init, prepare, update)


def view() -> DataView:
  return DataView(
    images=jnp.zeros((20, 2, 2, 1), jnp.uint8),
    labels=jnp.zeros(20, jnp.int32),
    score_all=lambda: pytest.fail('nothing here scores the whole set'),
  )
