"""Reparameterized convexified implicit gradients (RCIG).

Loo, Hasani, Lechner and Rus, Dataset Distillation with Convexified Implicit
Gradients, ICML 2023. Training a linearized network on the squared error with
weight decay is convex, and is ridge regression with its tangent kernel, so the
implicit gradient of the solution in the synthetic set is exact up to how well a
linear system is solved.
"""

from __future__ import annotations

from dataclasses import replace

import flax.linen as nn
import jax
from jax import Array
import jax.numpy as jnp
from jax.scipy.linalg import cho_solve
from jax.scipy.sparse.linalg import cg

from rdd_jax import networks
from rdd_jax.core.batch import Batch
from rdd_jax.core.losses import centered, uncentered
from rdd_jax.core.numerics import safe_divide, safe_sqrt
from rdd_jax.core.transform import Chains
from rdd_jax.kernels import Solution, ntk_product
from rdd_jax.kernels.empirical import backward, forward
from rdd_jax.kernels.kernel import EXACT
from rdd_jax.networks import Variables
from rdd_jax.objectives.base import Step
from rdd_jax.objectives.regression.base import Method, Predictor, Regression
from rdd_jax.objectives.regression.pool import Pool, PoolState


def rcig(
  net: nn.Module, pool: Pool, *, ridge: float = 1e-3, iterations: int = 20
) -> Method:
  """Regresses by the linearization of a network that trains on the set.

  Args:
    net: of the pool.
    pool: of networks; one is in use at each step.
    ridge: weight decay, relative to the mean diagonal of the last layer's
      kernel.
    iterations: of conjugate gradients, at most; also for the implicit gradient.

  Deviations:
    Both linear systems, of the solution and of its gradient, are solved in the
    space of the rows by conjugate gradients, preconditioned by the exact
    solution for the last layer, where the released code takes 20 steps of Adam
    on the parameters and solves for the last layer in each; no gradient is
    clipped to the size of another. Weight decay is relative, not absolute, for
    networks here start otherwise. ReLU stays ReLU. The pool trains on labels
    scaled to the size of hard ones, so that a learned temperature does not
    reach it, and for equally many steps at each visit. The bonus for margins,
    which the authors say makes no difference, is left out.

  Source: Loo, Hasani, Lechner and Rus, ICML 2023.

  >>> from rdd_jax.objectives.regression.base import regression_matching
  >>> from rdd_jax.objectives.base import trace
  >>> net = networks.build('mlp', 2, width=4, depth=1)
  >>> import optax
  >>> from rdd_jax.objectives import Inner, pool
  >>> inner = Inner(optax.adam(1e-2), steps=1, batch_size=4)
  >>> networks_in_training = pool(net, inner, (2, 2, 1), 2, size=3, lifetime=9)
  >>> objective = regression_matching(rcig(net, networks_in_training), 2, 2)
  >>> trace(objective, 4, (2, 2, 1), 2)[0].shape
  (2,)
  """

  def regression(state: PoolState) -> Regression:
    variables = pool.current(state).variables
    return tangent_regression(net, variables, ridge, iterations)

  def advance(synthetic: Batch, step: Step) -> tuple[PoolState, Chains]:
    rows = replace(synthetic, targets=of_hard_size(synthetic.targets))
    return pool.advance(rows, step)

  return Method(pool.init, regression, advance)


def of_hard_size(targets: Array) -> Array:
  """Scales targets about their center: the largest has a one-hot one's norm.

  Args:
    targets: `f[n, o]`.

  >>> of_hard_size(jnp.array([[0.9, 0.1], [0.6, 0.4]])).max(1).round(3).tolist()
  [1.0, 0.625]
  """
  y = centered(targets)
  size = jnp.sqrt((y**2).sum(1).max())  # rows of no class have none
  hard = (1 - 1 / targets.shape[1]) ** 0.5
  return uncentered(safe_divide(y * hard, size))


def tangent_regression(
  net: nn.Module, variables: Variables, ridge: float, iterations: int
) -> Regression:
  """Builds ridge regression by `J`, a network's Jacobian in all its parameters.

  `(J J' + r) z = y` and `f(x) = J(x) J' z`, with products alone: the kernel is
  never formed. `coefficients` of the solution are `z f[n, o]`, and it has
  `failed` where they are not finite.

  Args:
    net: the network; its initial outputs do not count.
    variables: where it is linearized.
    ridge: `r` over the mean diagonal of the last layer's kernel.
    iterations: of conjugate gradients, at most.
  """
  stats = variables['batch_stats']

  def apply(params: Variables, x: Array) -> Array:
    given = {'params': params, 'batch_stats': stats}
    return networks.apply(net, given, x).logits

  params = variables['params']

  def regress(support: Batch) -> tuple[Predictor, Solution]:
    x, w = support.inputs, support.weights
    root = safe_sqrt(w)[:, None]
    last = last_layer_kernel(networks.apply(net, variables, x).features)
    decay = safe_divide(ridge * jnp.sum(w * jnp.diagonal(last)), w.sum())
    eye = jnp.eye(last.shape[0], dtype=last.dtype)
    lower = jax.lax.stop_gradient(
      jnp.linalg.cholesky(root * last * root.T + decay * eye)
    )
    z, _ = cg(
      lambda v: root * ntk_product(apply, params, x, root * v) + decay * v,
      root * centered(support.targets),
      M=lambda v: cho_solve((lower, True), v),
      maxiter=iterations,
      tol=1e-6,
    )
    tangent = backward(apply, params, x, root * z)
    failed = ~jnp.isfinite(z).all()
    # A prediction that is not finite makes the loss so: nothing is hidden.
    solution = Solution(root * z, jnp.asarray(ridge, z.dtype), failed)
    return lambda rows: forward(apply, params, rows, tangent), solution

  return regress


def last_layer_kernel(features: Array) -> Array:
  """Returns the tangent kernel `f[n, n]` of a linear layer with a bias."""
  return jnp.matmul(features, features.T, precision=EXACT) + 1.0
