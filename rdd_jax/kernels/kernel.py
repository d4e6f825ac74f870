"""What every closed-form kernel is: a function of two sets of rows."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import chex
from jax import Array, lax
import jax.numpy as jnp

# Gram matrices are solved with: rounded products would cost definiteness.
EXACT = lax.Precision.HIGHEST


class Kernels(NamedTuple):
  """Holds both kernels of a network of infinite width.

  Attributes:
    nngp: `f[n1, n2]`, the covariance of its outputs as it is initialized; ridge
      regression with it trains the last layer alone.
    ntk: `f[n1, n2]`, the neural tangent kernel; ridge regression with it trains
      all layers, by gradient descent on the squared error.
  """

  nngp: Array
  ntk: Array


class Kernel(Protocol):
  def __call__(self, x1: Array, x2: Array | None = None) -> Kernels:
    """Kernels of rows `f[n1, ...]` and `f[n2, ...]`; None stands for `x1`.

    With None the diagonal is exact, which float32 products would blur.
    """
    ...


def require_alike(x1: Array, x2: Array | None) -> None:
  """Raises an AssertionError where rows of one are not of the other's shape.

  Args:
    x1: `f[n1, ...]`.
    x2: `f[n2, ...]`; None is alike.
  """
  if x2 is not None:
    chex.assert_equal_shape_suffix([x1, x2], x1.ndim - 1)


def with_diagonal(matrix: Array, diagonal: Array) -> Array:
  """Returns a matrix with another diagonal on its first two axes.

  Args:
    matrix: `f[n, n, ...]`.
    diagonal: `f[n, ...]`.
  """
  rows = jnp.arange(matrix.shape[0])
  return matrix.at[rows, rows].set(diagonal)
