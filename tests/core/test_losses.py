"""Laws of the losses that networks make small."""

from __future__ import annotations

from dataclasses import replace

from helpers import batch_of
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax.core.batch import Batch, training_loss
from rdd_jax.core.losses import EnergyMargin, cross_entropy

CLASSES, N = 4, 30


def rows(outputs: int = CLASSES) -> Batch:
  rng = np.random.default_rng(0)
  cells = jnp.asarray(rng.integers(0, CLASSES + 2, N), jnp.int32)
  known = jax.nn.one_hot(cells, outputs)
  none = jnp.full((N, outputs), 1 / outputs)
  return batch_of(
    inputs=jnp.zeros((N, 1)),
    targets=jnp.where((cells < CLASSES)[:, None], known, none),
    weights=jnp.asarray(rng.uniform(size=N), jnp.float32),
    cells=cells,
  )


def logits(outputs: int = CLASSES) -> jax.Array:
  return 3 * jax.random.normal(jax.random.key(0), (N, outputs))


def test_of_no_class_it_is_logsumexp_less_the_mean():
  batch, z = rows(), np.asarray(logits(), np.float64)
  expected = np.log(np.exp(z).sum(1)) - z.mean(1)
  outside = np.asarray(batch.cells) >= CLASSES
  found = cross_entropy(logits(), batch, CLASSES)
  np.testing.assert_allclose(found[outside], expected[outside], rtol=1e-5)


def test_margins_out_of_reach_leave_cross_entropy_alone():
  batch, z = rows(), logits()
  loss = EnergyMargin(inside=-100.0, outside=100.0, weight=1.0)
  known = (batch.cells < CLASSES).astype(jnp.float32)
  np.testing.assert_allclose(
    loss(z, batch, CLASSES), known * cross_entropy(z, batch, CLASSES)
  )


@pytest.mark.parametrize('weight', [0.0, 0.1])
def test_margins_are_squared_hinges_on_the_energy_of_classes(weight):
  batch, z = rows(), np.asarray(logits(), np.float64)
  loss = EnergyMargin(4.0, 2.0, weight)
  total = 0.0
  for row, cell, w in zip(z, batch.cells, batch.weights, strict=True):
    energy = -np.log(np.exp(row).sum())
    if cell < CLASSES:
      hinge = max(0.0, energy + 4.0) ** 2
      total += w * (-energy - row[cell] + weight * hinge)
    else:
      total += w * max(0.0, -2.0 - energy) ** 2
  mass = batch.weights[batch.cells < CLASSES].sum()
  found = training_loss(loss(logits(), batch, CLASSES), batch, CLASSES)
  np.testing.assert_allclose(found, total / mass, rtol=1e-5)


def test_equal_margins_are_one_recipe():
  assert EnergyMargin(1.0, 0.0, 0.1) == EnergyMargin(1.0, 0.0, 0.1)
  assert hash(EnergyMargin(1.0, 0.0, 0.1)) == hash(EnergyMargin(1.0, 0.0, 0.1))


def test_an_outlier_beyond_its_margin_is_pushed_and_within_it_is_not():
  batch = replace(rows(), cells=jnp.full(N, CLASSES, jnp.int32))
  loss = EnergyMargin(4.0, 2.0, 0.1)
  low = jnp.full((N, CLASSES), -10.0)
  pull = jax.grad(lambda z: loss(z, batch, CLASSES).sum())
  np.testing.assert_array_equal(pull(low), 0)
  assert (pull(-low) > 0).all()
