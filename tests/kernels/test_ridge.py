"""Laws of ridge regression, against numpy in float64."""

from __future__ import annotations

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax import kernels
from rdd_jax.core.errors import UserError

RNG = np.random.default_rng(0)
PHI = RNG.normal(size=(8, 20)) * np.logspace(0, 1, 8)[:, None]
GRAM, Y = PHI @ PHI.T, RNG.normal(size=(8, 3))
WEIGHTS = RNG.uniform(0.2, 2, 8)


def f32(x):
  return jnp.asarray(x, jnp.float32)


def exact(gram, y, ridge, weights=None):
  w = np.ones(len(gram)) if weights is None else weights
  r = ridge * (w * np.diag(gram)).sum() / w.sum()
  return np.linalg.solve(gram + r * np.diag(1 / w), y)


@pytest.mark.parametrize('ridge', [0.0, 1e-6, 1e-2, 1.0])
@pytest.mark.parametrize('weights', [None, WEIGHTS])
def test_solve_is_numpys(ridge, weights):
  given = None if weights is None else f32(weights)
  found = jax.jit(lambda k, y: kernels.solve(k, y, ridge=ridge, weights=given))(
    f32(GRAM), f32(Y)
  )
  np.testing.assert_allclose(
    found.coefficients, exact(GRAM, Y, ridge, weights), rtol=1e-3, atol=1e-4
  )
  assert not found.failed
  np.testing.assert_allclose(found.ridge, ridge)


def test_limits_of_the_ridge():
  """None interpolates; a large one tends to the kernel smoother."""
  none = kernels.solve(f32(GRAM), f32(Y), ridge=0.0)
  np.testing.assert_allclose(GRAM @ none.coefficients, Y, atol=1e-3)
  large = 1e4
  much = kernels.solve(f32(GRAM), f32(Y), ridge=large)
  smoother = Y / (large * np.trace(GRAM) / 8)
  np.testing.assert_allclose(much.coefficients, smoother, rtol=1e-2, atol=1e-9)


def test_a_weight_counts_rows():
  repeated = np.repeat(np.arange(8), [2, 1, 1, 3, 1, 1, 1, 1])
  weights = np.bincount(repeated).astype(float)
  phi = f32(PHI)
  once = kernels.fit(phi, f32(Y), ridge=0.1, weights=f32(weights))
  often = kernels.fit(phi[repeated], f32(Y[repeated]), ridge=0.1)
  np.testing.assert_allclose(
    once.coefficients, often.coefficients, rtol=1e-3, atol=1e-5
  )


def test_rows_of_no_weight_are_not_there():
  weights = jnp.ones(8).at[3:5].set(0)
  kept = np.flatnonzero(weights)
  found = kernels.solve(f32(GRAM), f32(Y), ridge=0.1, weights=weights)
  alone = kernels.solve(f32(GRAM[np.ix_(kept, kept)]), f32(Y[kept]), ridge=0.1)
  np.testing.assert_allclose(
    found.coefficients[kept], alone.coefficients, rtol=1e-4, atol=1e-6
  )
  np.testing.assert_array_equal(found.coefficients[3:5], 0)


@pytest.mark.parametrize('few', [5, 20])
def test_both_forms_agree(few):
  phi = PHI[:, :few]
  found = kernels.fit(f32(phi), f32(Y), ridge=0.05, weights=f32(WEIGHTS))
  expected = phi.T @ exact(phi @ phi.T, Y, 0.05, WEIGHTS)
  np.testing.assert_allclose(found.coefficients, expected, rtol=2e-3, atol=1e-4)


@pytest.mark.parametrize('few', [5, 20])
def test_the_gradient_is_that_of_a_dense_solve(few):
  def implicit(phi, y, w):
    return jnp.sin(kernels.fit(phi, y, ridge=0.1, weights=w).coefficients).sum()

  def dense(phi, y, w):
    r = 0.1 * (w * (phi**2).sum(1)).sum() / w.sum()
    a = (w[:, None] * phi).T @ phi + r * jnp.eye(few)
    return jnp.sin(jnp.linalg.solve(a, (w[:, None] * phi).T @ y)).sum()

  args = f32(PHI[:, :few]), f32(Y), f32(WEIGHTS)
  chex.assert_trees_all_close(
    jax.jit(jax.grad(implicit, (0, 1, 2)))(*args),
    jax.jit(jax.grad(dense, (0, 1, 2)))(*args),
    rtol=1e-2,
    atol=1e-4,
  )


def test_a_ridge_that_is_too_small_is_raised_and_said():
  """Rows that repeat leave a matrix that float32 finds indefinite."""
  phi = f32(np.repeat(PHI, 8, 0))
  gram = phi @ phi.T - 1e-3 * jnp.eye(64)
  found = kernels.solve(gram, jnp.ones((64, 1)), ridge=1e-8)
  assert found.ridge > 1e-8
  assert not found.failed
  assert jnp.isfinite(found.coefficients).all()


@pytest.mark.parametrize('bad', [-np.eye(3), np.full((3, 3), np.nan)])
def test_a_failure_is_reported(bad):
  with pytest.raises(UserError, match='ridge regression failed'):
    kernels.solve(f32(bad), jnp.ones((3, 1)))
  inside = jax.jit(lambda k: kernels.solve(k, jnp.ones((3, 1))))(f32(bad))
  assert inside.failed
  assert jnp.isnan(inside.coefficients).all()


def test_a_matrix_of_zeros_predicts_zero():
  found = kernels.solve(jnp.zeros((3, 3)), jnp.ones((3, 1)), ridge=0.1)
  assert jnp.isfinite(found.coefficients).all()
