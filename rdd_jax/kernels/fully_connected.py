"""Kernels of fully connected networks of infinite width.

Lee et al., Deep Neural Networks as Gaussian Processes, ICLR 2018, eq. 5; Jacot
et al., Neural Tangent Kernel, NeurIPS 2018, theorem 1.
"""

from __future__ import annotations

import math

import jax
from jax import Array
import jax.numpy as jnp

from rdd_jax.core.errors import UserError
from rdd_jax.kernels.kernel import (
  EXACT,
  Kernel,
  Kernels,
  require_alike,
  with_diagonal,
)
from rdd_jax.kernels.relu import moments
from rdd_jax.networks import conv


def fully_connected(
  depth: int, w_std: float = math.sqrt(2), b_std: float = 0.1
) -> Kernel:
  """Returns the kernel of `depth` hidden layers with ReLU, NTK parametrized.

  A layer is `w_std / sqrt(fan_in) W x + b_std b`, with standard normal `W` and
  `b`, all of which count as parameters. Linear without hidden layers.

  Args:
    depth: hidden layers.
    w_std: of weights.
    b_std: of biases.

  Returns:
    `kernel(x1, x2=None) -> Kernels`; trailing dimensions are flattened.

  Raises:
    UserError: for a negative depth.

  >>> fully_connected(1)(jnp.ones((2, 3)), jnp.ones((4, 3))).ntk.shape
  (2, 4)
  """
  require_depth(depth)

  def affine(k: Array) -> Array:
    return w_std**2 * k + b_std**2

  def kernel(x1: Array, x2: Array | None = None) -> Kernels:
    require_alike(x1, x2)
    first = conv.flat(x1)
    second = first if x2 is None else conv.flat(x2)

    def exact(k: Array, variance: Array) -> Array:
      return with_diagonal(k, variance) if x2 is None else k

    a, b = (affine((x * x).mean(1)) for x in (first, second))
    inner = jnp.matmul(first, second.T, precision=EXACT)
    k = exact(affine(inner / first.shape[1]), a)
    ntk = k
    for _ in range(depth):
      k, slope = moments(k, a[:, None], b[None, :])
      a, b = affine(a / 2), affine(b / 2)
      k = exact(affine(k), a)
      ntk = k + w_std**2 * slope * ntk
    return Kernels(k, ntk)

  return jax.jit(kernel)


def require_depth(depth: int) -> None:
  """Raises a UserError for a negative number of hidden layers."""
  if depth < 0:
    raise UserError(
      f'a kernel of depth={depth}: depth counts hidden layers, give 0 or more'
    )
