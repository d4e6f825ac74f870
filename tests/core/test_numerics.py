"""Laws of square roots and quotients at zero and away from it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax.core.numerics import safe_divide, safe_sqrt


def test_values_are_those_of_the_plain_functions_away_from_zero():
  x = jnp.array([0.25, 1.0, 9.0])
  y = jnp.array([-2.0, 3.0, 0.5])
  np.testing.assert_array_equal(safe_sqrt(x), jnp.sqrt(x))
  np.testing.assert_array_equal(safe_divide(x, y), x / y)


@pytest.mark.parametrize('order', [1, 2])
def test_derivatives_are_those_of_the_plain_functions_away_from_zero(order):
  def derive(fn):
    for _ in range(order):
      fn = jax.grad(fn)
    return fn(2.0)

  np.testing.assert_allclose(derive(safe_sqrt), derive(jnp.sqrt), rtol=1e-6)
  np.testing.assert_allclose(
    derive(lambda y: safe_divide(3.0, y)), derive(lambda y: 3.0 / y), rtol=1e-6
  )


def test_at_zero_values_and_gradients_are_zero():
  assert safe_sqrt(jnp.array([0.0, -1.0])).tolist() == [0.0, 0.0]
  assert jax.grad(safe_sqrt)(0.0) == 0
  assert safe_divide(5.0, 0.0) == 0
  assert [float(g) for g in jax.grad(safe_divide, (0, 1))(5.0, 0.0)] == [0, 0]
  assert jax.grad(jax.grad(safe_divide, 1), 1)(5.0, 0.0) == 0


def test_what_is_not_finite_is_not_hidden():
  assert jnp.isnan(safe_divide(1.0, jnp.nan))
  assert jnp.isnan(safe_divide(jnp.nan, 1.0))


def test_shapes_broadcast_and_the_dtype_is_kept():
  x = jnp.ones((3, 2), jnp.bfloat16)
  out = safe_divide(x, jnp.array([[0, 2]], jnp.bfloat16))
  assert out.shape == (3, 2)
  assert out.dtype == jnp.bfloat16
  assert safe_sqrt(x).dtype == jnp.bfloat16
