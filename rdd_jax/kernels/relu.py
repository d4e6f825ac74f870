"""Moments of a ReLU under Gaussian inputs: the arc-cosine kernels.

Cho and Saul, Kernel Methods for Deep Learning, NeurIPS 2009, eq. 4-6.

Deviations: scaled by the factor that makes them expectations. Where two inputs
are parallel the angle has no derivative; the rules below give the limits that
matter there. Below float64 the angle is a square root times a polynomial, which
processors work out many at a time, as they do not arc functions.
"""

from __future__ import annotations

import jax
from jax import Array
import jax.numpy as jnp

from rdd_jax.core.numerics import safe_sqrt

# Abramowitz and Stegun, Handbook of Mathematical Functions, 4.4.46: of the
# angle `arccos(c) / sqrt(1 - c)` for `c` in [0, 1], to 2e-8.
_ANGLE = (
  1.5707963050,
  -0.2145988016,
  0.0889789874,
  -0.0501743046,
  0.0308918810,
  -0.0170881256,
  0.0066700901,
  -0.0012624911,
)


def moments(cross: Array, first: Array, second: Array) -> tuple[Array, Array]:
  """Computes `E[relu(u) relu(v)]` and `E[relu'(u) relu'(v)]`, `u, v` Gaussian.

  Args:
    cross: `f[...]`, the covariance of `u` and `v`.
    first: `f[...]`, the variance of `u`; broadcasts to the shape of `cross`.
    second: likewise of `v`. Zero variances give zero moments of the first kind.

  Returns:
    Both, of the shape of `cross`; derivatives of any order are finite.
  """
  norm = safe_sqrt(first * second)
  # Not safe_divide: in a compiled tower of layers its rounding is another.
  cosine = cross / jnp.where(norm > 0, norm, 1.0)
  slope = _opening(cosine) / (2 * jnp.pi)
  return norm * _first_order(cosine) / (2 * jnp.pi), slope


@jax.custom_jvp
def _opening(cosine: Array) -> Array:
  """`pi - arccos(c)`, and `c` clipped."""
  c = jnp.clip(cosine, -1.0, 1.0)
  if c.dtype == jnp.float64:
    return jnp.pi - jnp.arccos(c)
  size = jnp.abs(c)
  angle = jnp.sqrt(1.0 - size) * _polynomial(size)
  return jnp.where(c > 0, jnp.pi - angle, angle)


def _polynomial(x: Array) -> Array:
  total = jnp.zeros_like(x)
  for coefficient in reversed(_ANGLE):
    total = total * x + coefficient
  return total


@_opening.defjvp
def _(primals, tangents):
  (cosine,), (tangent,) = primals, tangents
  square = 1.0 - cosine * cosine
  apart = square > 8 * jnp.finfo(cosine.dtype).eps
  # Parallel inputs are one and the same, or as good as: they stay parallel.
  rate = jnp.where(apart, jax.lax.rsqrt(jnp.where(apart, square, 1.0)), 0.0)
  return _opening(cosine), rate * tangent


@jax.custom_jvp
def _first_order(cosine: Array) -> Array:
  """`sin(t) + (pi - t) cos(t)`, with `t = arccos(c)`."""
  c = jnp.clip(cosine, -1.0, 1.0)
  return jnp.sqrt(jnp.maximum(1.0 - c * c, 0.0)) + c * _opening(c)


@_first_order.defjvp
def _(primals, tangents):
  (cosine,), (tangent,) = primals, tangents
  return _first_order(cosine), _opening(cosine) * tangent
