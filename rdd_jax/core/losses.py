"""Losses of rows: what a network is trained to make small."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import chex
import jax
from jax import Array
import jax.numpy as jnp
import optax

from rdd_jax.core.batch import Batch

RowLosses = Callable[[Array, Batch, int], Array]  # (logits, rows, classes)


def cross_entropy(logits: Array, batch: Batch, num_classes: int) -> Array:
  """To the targets, `f[n]`; to a uniform one, `logsumexp(z) - mean(z)`."""
  del num_classes
  chex.assert_equal_shape([logits, batch.targets])
  return optax.softmax_cross_entropy(logits, batch.targets)


def centered(targets: Array) -> Array:
  """Returns targets `f[n, o]` less one over the outputs: zero says "no class".

  >>> centered(jnp.array([[1.0, 0.0]])).tolist()
  [[0.5, -0.5]]
  """
  return targets - 1 / targets.shape[1]


def uncentered(values: Array) -> Array:
  """Returns the targets `f[n, o]` that `centered` made `values` of.

  >>> uncentered(centered(jnp.array([[1.0, 0.0]]))).tolist()
  [[1.0, 0.0]]
  """
  return values + 1 / values.shape[1]


@dataclass(frozen=True)
class SquaredError:
  """Half the squared distance to the centered targets, times a scale.

  What kernel methods regress on; their learned labels need not lie on the
  simplex.

  Attributes:
    scale: of the targets, for networks that train better on larger ones.
  """

  scale: float = 1.0

  def __call__(self, logits: Array, batch: Batch, num_classes: int) -> Array:
    del num_classes
    chex.assert_equal_shape([logits, batch.targets])
    error = logits - self.scale * centered(batch.targets)
    return 0.5 * jnp.sum(error**2, 1)


@dataclass(frozen=True)
class EnergyMargin:
  """Cross-entropy of classes, and squared hinges on the energy of all rows.

  Liu et al., Energy-based Out-of-distribution Detection, NeurIPS 2020, eq. 7-9,
  with `logsumexp(z)` of the class logits, the negative energy. Outliers have
  the hinge alone, and count by their weight.

  Attributes:
    inside: rows of a class should have at least this negative energy,
    outside: and outliers at most this one.
    weight: of the hinge of rows of a class, beside their cross-entropy.
  """

  inside: float
  outside: float
  weight: float

  def __call__(self, logits: Array, batch: Batch, num_classes: int) -> Array:
    level = jax.nn.logsumexp(logits[:, :num_classes], axis=1)
    below = jnp.maximum(self.inside - level, 0.0) ** 2
    above = jnp.maximum(level - self.outside, 0.0) ** 2
    known = cross_entropy(logits, batch, num_classes) + self.weight * below
    return jnp.where(batch.cells < num_classes, known, above)
