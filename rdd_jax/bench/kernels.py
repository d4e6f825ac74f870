"""Benchmarks neural tangent kernels, ridge regression and a FRePo step.

They have no baseline here: `neural-tangents`, which has the closed forms, does
not import on current JAX. `tests/tangents.py` runs it in one of its own.
"""

from __future__ import annotations

from collections.abc import Callable
import math

import jax.numpy as jnp
import optax

from rdd_jax import kernels
from rdd_jax.bench.ours import compiled, convnet, matching_step
from rdd_jax.bench.setting import Program, Setting
from rdd_jax.core.losses import SquaredError
from rdd_jax.objectives import Inner, frepo, pool, regression_matching

TILE = {'ntk': 8, 'ntk_pooled': 2}  # rows, so that a tile fits into a cache


def sides(name: str, s: Setting) -> tuple[int, int]:
  """Returns the number of rows and columns of a kernel matrix.

  Args:
    name: of the computation; `ntk_pooled` gets 4 by 4, since each entry takes
      long.
    s: the sizes; rows are real images, columns synthetic ones.

  >>> sides('ntk', Setting(batch=256, classes=10, ipc=10))
  (256, 100)
  """
  if name == 'ntk_pooled':
    return 4, 4
  return s.batch, s.classes * s.ipc


def entries(name: str, s: Setting) -> int | None:
  """Counts the kernel entries that a computation evaluates.

  Args:
    name: of the computation, in `timing.NAMES`.
    s: the sizes.

  Returns:
    Their number; None if the computation is no kernel matrix.

  >>> entries('ntk_pooled', Setting()), entries('ridge', Setting())
  (16, None)
  """
  return math.prod(sides(name, s)) if name in TILE else None


def ntk(s: Setting) -> Program:
  """Builds the convolutional NTK between real and synthetic images.

  Without global pooling, so covariances of each pixel with itself suffice.
  """
  return _kernel('ntk', s, kernels.convolutional(s.depth))


def ntk_pooled(s: Setting) -> Program:
  """Builds the convolutional NTK with global average pooling.

  The mean over pixels needs the covariances of all pairs of pixels.
  """
  return _kernel(
    'ntk_pooled', s, kernels.convolutional(s.depth, global_pool=True)
  )


def _kernel(name: str, s: Setting, kernel: kernels.Kernel) -> Program:
  tiled = kernels.blockwise(kernel, TILE[name])
  return compiled(
    lambda a, b: tiled(a, b).ntk,
    *(jnp.asarray(s.images(n)) for n in sides(name, s)),
  )


def ridge(s: Setting) -> Program:
  """Builds a kernel ridge regression on all synthetic images."""
  x = jnp.asarray(s.images(s.classes * s.ipc))
  gram = kernels.fully_connected(1)(x).ntk
  return compiled(
    lambda k, y: kernels.solve(k, y).coefficients,
    gram,
    jnp.eye(s.classes)[jnp.arange(x.shape[0]) % s.classes],
  )


def frepo_step(s: Setting) -> Program:
  """Builds the loss of FRePo and its gradient in the synthetic images.

  Source: Zhou et al., Dataset Distillation using Neural Feature Regression,
  NeurIPS 2022.
  """
  net = convnet(s)
  inner = Inner(optax.adam(3e-4), 1, 1000, losses=SquaredError())
  networks = pool(net, inner, s.shape, s.classes, size=2, lifetime=100)
  method = frepo(net, networks)
  return matching_step(s, regression_matching(method, s.classes, s.classes))


PROGRAMS: dict[str, Callable[[Setting], Program]] = {
  'ntk': ntk,
  'ntk_pooled': ntk_pooled,
  'ridge': ridge,
  'frepo': frepo_step,
}
