"""Losses of rows: what a network is trained to minimize."""

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
  """Computes the cross-entropy `-sum_k y_k log softmax(z)_k` of each row.

  To a uniform target it is `logsumexp(z) - mean(z)`.

  Args:
    logits: `f[n, o]`.
    batch: `n` rows, with targets `f[n, o]`.
    num_classes: unused; every loss of rows takes it.

  Returns:
    `f[n]`.

  >>> batch = Batch(*[jnp.array([[1.0, 0.0]])] * 6)
  >>> print(cross_entropy(jnp.zeros((1, 2)), batch, 2).round(3))
  [0.693]
  """
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
  """Computes `|z - scale * (y - 1 / o)|^2 / 2`, to the centered targets.

  What kernel methods regress on; their learned labels need not lie on the
  simplex.

  Attributes:
    scale: of the targets, for networks that train better on larger ones.

  >>> batch = Batch(*[jnp.array([[1.0, 0.0]])] * 6)
  >>> SquaredError()(jnp.zeros((1, 2)), batch, 2).tolist()
  [0.25]
  """

  scale: float = 1.0

  def __call__(self, logits: Array, batch: Batch, num_classes: int) -> Array:
    del num_classes
    chex.assert_equal_shape([logits, batch.targets])
    error = logits - self.scale * centered(batch.targets)
    return 0.5 * jnp.sum(error**2, 1)


@dataclass(frozen=True)
class Softened:
  """Computes `T^2` times the cross-entropy of `softmax(z / T)`, of classes.

  Of targets that are a teacher's softmax at the same temperature `T`, its
  gradient is that of `T^2 KL`, whose size does not depend on `T` to speak of.
  Outliers have the ordinary cross-entropy.

  Attributes:
    temperature: `T`, above 0.

  Source: Hinton et al., Distilling the Knowledge in a Neural Network, 2015.

  >>> batch = Batch(*[jnp.array([[1.0, 0.0]])] * 3, *[jnp.array([0])] * 3)
  >>> round(float(Softened(2.0)(jnp.zeros((1, 2)), batch, 2)[0]), 3)
  2.773
  """

  temperature: float = 1.0

  def __call__(self, logits: Array, batch: Batch, num_classes: int) -> Array:
    soft = cross_entropy(logits / self.temperature, batch, num_classes)
    plain = cross_entropy(logits, batch, num_classes)
    known = batch.cells < num_classes
    return jnp.where(known, self.temperature**2 * soft, plain)


@dataclass(frozen=True)
class EnergyMargin:
  """Computes the cross-entropy of classes, and squared hinges on the energy.

  With the energy `E(x) = -logsumexp(z)` of the class logits, a row of a class
  has the loss `-log F_y(x) + weight * max(0, E(x) - m_in)^2`, and an outlier
  `max(0, m_out - E(x))^2`, which counts by the outlier's weight.

  Attributes:
    inside: `-m_in`; rows of a class should have at least this `-E(x)`.
    outside: `-m_out`; outliers should have at most this `-E(x)`.
    weight: of the hinge of rows of a class, beside their cross-entropy.

  Source: Liu et al., Energy-based Out-of-distribution Detection, NeurIPS 2020,
    eq. 7-9.

  >>> rows = Batch(*[jnp.array([[1.0, 0.0]] * 2)] * 3, *jnp.array([[0, 2]] * 3))
  >>> loss = EnergyMargin(inside=1.0, outside=0.0, weight=0.1)
  >>> [f'{x:.3f}' for x in loss(jnp.zeros((2, 2)), rows, 2)]
  ['0.703', '0.480']
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
