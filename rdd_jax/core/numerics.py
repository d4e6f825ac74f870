"""Square roots and quotients that stay finite at zero, gradients included."""

from __future__ import annotations

from jax import Array
import jax.numpy as jnp
from jax.typing import ArrayLike


def safe_sqrt(x: Array) -> Array:
  """Returns `sqrt(x)`, and 0 with a gradient of 0 where `x <= 0`.

  >>> safe_sqrt(jnp.array([4.0, 0.0])).tolist()
  [2.0, 0.0]
  """
  positive = x > 0
  return jnp.where(positive, jnp.sqrt(jnp.where(positive, x, 1.0)), 0.0)


def safe_divide(x: ArrayLike, y: ArrayLike) -> Array:
  """Returns `x / y`, and 0 with gradients of 0 where `y == 0`.

  Args:
    x: `f[...]`.
    y: `f[...]`, of a shape that broadcasts with that of `x`.

  >>> safe_divide(jnp.array([3.0, 3.0]), jnp.array([2.0, 0.0])).tolist()
  [1.5, 0.0]
  """
  y = jnp.asarray(y)
  nonzero = y != 0
  return jnp.where(nonzero, x / jnp.where(nonzero, y, 1), 0)
