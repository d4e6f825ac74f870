"""Laws of kernels in blocks and on devices; tangent kernels of networks."""

from __future__ import annotations

import chex
import jax
from jax.flatten_util import ravel_pytree
import jax.numpy as jnp
from jax.sharding import AxisType
from kernels.kernels_cases import (
  ALL,
  FLAT,
  FLAT_OTHERS,
  IMAGES,
  KEY,
  OTHERS,
  TWO,
)
import numpy as np
import pytest

from rdd_jax import kernels


@pytest.mark.parametrize(
  ('kind', 'size'), [('fully_connected', 2), ('plain', 4)]
)
def test_blockwise_is_whole(kind, size):
  tiled = jax.jit(kernels.blockwise(ALL[kind], size))
  for args in ((IMAGES, OTHERS[:3]), (IMAGES,)):
    chex.assert_trees_all_close(tiled(*args), ALL[kind](*args), rtol=1e-5)


def test_blockwise_has_the_gradient_of_the_whole():
  def loss(x, kernel):
    return sum(jnp.sum(jnp.sin(k)) for k in kernel(x))

  kernel = ALL['fully_connected']
  chex.assert_trees_all_close(
    jax.jit(jax.grad(loss), static_argnums=1)(
      IMAGES, kernels.blockwise(kernel, 2)
    ),
    jax.jit(jax.grad(loss), static_argnums=1)(IMAGES, kernel),
    rtol=1e-3,
    atol=1e-4,
  )


def test_symmetric_tiles_are_computed_once():
  seen = []

  def spy(x1, x2=None):
    def count(_):
      seen.append(x2 is None)

    jax.debug.callback(count, x1.sum())
    return ALL['fully_connected'](x1, x2)

  jax.block_until_ready(jax.jit(kernels.blockwise(spy, 2))(FLAT))
  jax.effects_barrier()
  assert sorted(seen) == [False] * 3 + [True] * 3


def test_few_columns_are_not_filled_up_to_a_tile():
  seen = []

  def spy(x1, x2=None):
    seen.append((len(x1), len(x1 if x2 is None else x2)))
    return ALL['fully_connected'](x1, x2)

  rows = jnp.tile(FLAT, (4, 1))[:11]
  kernels.blockwise(spy, 5)(rows, FLAT[:2])
  assert set(seen) == {(4, 2)}  # three times four rows are eleven and one


@pytest.mark.parametrize('name', TWO)
@pytest.mark.parametrize(('rows', 'columns'), [(0, 5), (5, 0), (0, None)])
def test_no_rows_make_an_empty_matrix(name, rows, columns):
  kernel = kernels.blockwise(ALL[name], 4)
  other = None if columns is None else IMAGES[:columns]
  shape = (rows, rows if columns is None else columns)
  assert kernel(IMAGES[:rows], other).ntk.shape == shape


def test_sharded_is_unsharded():
  args = (IMAGES,)
  mesh = jax.make_mesh((4,), ('data',), (AxisType.Auto,))
  tiled = kernels.blockwise(ALL['fully_connected'], 2)
  alone = jax.jit(tiled)(*args)
  with jax.set_mesh(mesh):
    shared = jax.jit(tiled)(*args)
  chex.assert_trees_all_close(jax.device_get(shared), alone, rtol=1e-5)


NET = kernels.finite_fully_connected(1, 16, 3)


PARAMS = NET.init(KEY, (32,))


@jax.jit
def jacobian(x):
  flat, rebuild = ravel_pytree(PARAMS)
  return jax.jacobian(lambda p: NET.apply(rebuild(p), x))(flat)


@jax.jit
def tangent(*args):
  return kernels.empirical_ntk(NET.apply, PARAMS, *args)


def test_empirical_ntk_is_the_product_of_jacobians():
  a, b = jacobian(FLAT), jacobian(FLAT_OTHERS)
  found = tangent(FLAT, FLAT_OTHERS)
  np.testing.assert_allclose(
    found, jnp.einsum('aop,bqp->aboq', a, b), rtol=1e-3, atol=1e-4
  )
  v = jax.random.normal(KEY, (5, 3))
  product = jax.jit(kernels.ntk_product, static_argnums=0)(
    NET.apply, PARAMS, FLAT, v
  )
  expected = jnp.einsum('aop,bqp,bq->ao', a, a, v)
  np.testing.assert_allclose(product, expected, rtol=1e-3, atol=1e-3)


def test_regression_with_the_tangent_kernel_is_linearised_training():
  """Ridge 0 and the first output subtracted: gradient descent, to the end."""
  x, t = FLAT, FLAT_OTHERS
  y = np.asarray(jax.random.normal(KEY, (5, 3)), np.float64)
  start, test = (np.asarray(NET.apply(PARAMS, v), np.float64) for v in (x, t))
  a, b = (np.asarray(jacobian(v), np.float64) for v in (x, t))
  flat = a.reshape(15, -1)
  weights, rate = np.zeros(flat.shape[1]), 1.9 / np.linalg.norm(flat, 2) ** 2
  for _ in range(5_000):
    weights -= rate * flat.T @ (flat @ weights - (y - start).ravel())
  np.testing.assert_allclose(flat @ weights, (y - start).ravel(), atol=1e-6)
  trained = test + (b.reshape(15, -1) @ weights).reshape(5, 3)

  def matrix(*args):
    k = tangent(*args)
    n, m = k.shape[:2]
    return k.transpose(0, 2, 1, 3).reshape(3 * n, 3 * m)

  found = kernels.solve(
    matrix(x), jnp.asarray((y - start).reshape(-1, 1), jnp.float32), ridge=0.0
  )
  predicted = test + (matrix(t, x) @ found.coefficients).reshape(5, 3)
  np.testing.assert_allclose(predicted, trained, rtol=1e-3, atol=1e-3)
