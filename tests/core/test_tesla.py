"""Laws of TESLA: where it is exact, and how near it is elsewhere."""

from __future__ import annotations

import chex
from core.tesla_cases import (
  EXACTLY,
  OPTIMIZERS,
  detached,
  given,
  gradient,
  gradients,
  objective,
  xs_of,
)
import jax
from jax.flatten_util import ravel_pytree
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from rdd_jax import networks
from rdd_jax.core.unroll import backprop, tesla, unroll


@pytest.mark.parametrize('optimizer', OPTIMIZERS)
def test_tesla_is_the_sum_of_the_pulls_of_single_steps(x64, optimizer):
  grads = gradient(optimizer, given(), tesla())
  assert all(leaf.all() for leaf in grads)
  chex.assert_trees_all_close(grads, detached(optimizer, given()), **EXACTLY)


@pytest.mark.parametrize('optimizer', ['momentum', 'adam'])
def test_tesla_is_exact_for_one_step(x64, optimizer):
  """But for `init`, which the curvature of the step does not reach."""
  both = {'ours': tesla(), 'exact': backprop()}
  grads = gradients(optimizer, given(1), both)
  ours, exact = grads['ours'], grads['exact']
  assert not np.allclose(ours.init, exact.init, rtol=0.01)
  ours = ours._replace(init=exact.init)
  chex.assert_trees_all_close(ours, exact, **EXACTLY)


def test_tesla_is_exact_where_a_change_does_not_depend_on_the_state(x64):
  def value(given, adjoint):
    def step(params, x):
      signs = 2.0 * (jax.random.bits(x['key'], (4, 2)) % 2) - 1

      def loss(params):  # Linear in the parameters.
        outputs = given.data[x['index']] ** 2 @ params
        return x['scale'] * jnp.mean(outputs * signs)

      return params - given.rate * jax.grad(loss)(params)

    return objective(unroll(step, given.init, xs_of(given), adjoint=adjoint))

  grads, exact = (
    jax.jit(jax.grad(lambda g, a=a: value(g, a)))(given(9))
    for a in (tesla(), backprop())
  )
  assert all(leaf.all() for leaf in exact)
  chex.assert_trees_all_close(grads, exact, **EXACTLY)


def test_tesla_is_near_the_exact_gradient_of_a_student():
  """Matching a point of a longer training on other rows, as MTT does.

  Measured over these seeds, for the rows: a cosine of 0.9961 to 0.9967 to the
  exact gradient, and 0.91 to 0.94 of its norm. It is worse the further the
  student goes: at seed 0, a cosine of 0.96 over 40 steps.
  """
  net = networks.build('mlp', 3, width=16, depth=2)

  def sgd(unravel, rows, targets):
    def loss(theta):
      outputs = networks.apply(net, {'params': unravel(theta)}, rows)
      return optax.softmax_cross_entropy(outputs.logits, targets).mean()

    return lambda theta, _: theta - 0.05 * jax.grad(loss)(theta)

  @jax.jit
  def both(key):
    keys = jax.random.split(key, 4)
    variables = networks.init(net, keys[0], (8, 8, 1))
    theta, unravel = ravel_pytree(variables['params'])
    rows = jax.random.normal(keys[1], (12, 8, 8, 1))
    targets = jax.nn.softmax(2 * jax.random.normal(keys[2], (12, 3)))
    real = rows + 0.5 * jax.random.normal(keys[3], rows.shape)
    target = unroll(sgd(unravel, real, targets), theta, jnp.arange(60))

    def left(rows, adjoint):
      step = sgd(unravel, rows, targets)
      end = unroll(step, theta, jnp.arange(10), adjoint=adjoint)
      return jnp.sum((end - target) ** 2)

    return [jax.grad(left)(rows, a) for a in (tesla(), backprop())]

  for seed in range(3):
    ours, exact = map(np.asarray, both(jax.random.key(seed)))
    norm, exact_norm = np.linalg.norm(ours), np.linalg.norm(exact)
    assert np.vdot(ours, exact) >= 0.9 * norm * exact_norm
    assert np.linalg.norm(ours - exact) >= 0.02 * exact_norm
    assert norm != pytest.approx(exact_norm, rel=0.01)
