"""Kernels, ridge regression and a step of FRePo; no rival to run beside them.

`neural-tangents`, which has the closed forms, does not import on current jax.
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
  """Returns rows and columns of the matrix; few where an entry takes long."""
  if name == 'ntk_pooled':
    return 4, 4
  return s.batch, s.classes * s.ipc


def entries(name: str, s: Setting) -> int | None:
  """Counts entries of a kernel that a computation evaluates, or None.

  >>> entries('ntk', Setting(batch=256, classes=10, ipc=10))
  25600
  """
  return math.prod(sides(name, s)) if name in TILE else None


def ntk(s: Setting) -> Program:
  """Evaluates the NTK, each pixel with itself: real by synthetic images."""
  return _kernel('ntk', s, kernels.convolutional(s.depth))


def ntk_pooled(s: Setting) -> Program:
  """Evaluates the NTK with global pooling: each pixel with each."""
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
  """Solves a ridge regression on as many rows as synthetic images."""
  x = jnp.asarray(s.images(s.classes * s.ipc))
  gram = kernels.fully_connected(1)(x).ntk
  return compiled(
    lambda k, y: kernels.solve(k, y).coefficients,
    gram,
    jnp.eye(s.classes)[jnp.arange(x.shape[0]) % s.classes],
  )


def frepo_step(s: Setting) -> Program:
  """Returns the loss of FRePo's regression and the images' gradient."""
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
