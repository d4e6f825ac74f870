"""Ridge regression that is safe in float32 and never fails in silence."""

from __future__ import annotations

from typing import NamedTuple

import chex
from jax import Array, lax
from jax.core import Tracer
import jax.numpy as jnp
from jax.scipy.linalg import cho_solve

from rdd_jax.core.errors import UserError
from rdd_jax.core.numerics import safe_divide, safe_sqrt
from rdd_jax.kernels.kernel import EXACT

RAISE = 10.0  # by how much a ridge that is too small grows,
TRIES = 6  # and how often at most


class Solution(NamedTuple):
  """Holds what a regression found.

  Attributes:
    coefficients: `f[n, o]`, of the rows, or `f[d, o]`, of the features; NaN
      where it failed.
    ridge: `f[]`, the relative ridge that was needed: the one asked for, or one
      that was raised until the matrix could be factored.
    failed: `b[]`, that none was enough, as where an entry is not finite.
  """

  coefficients: Array
  ridge: Array
  failed: Array


def solve(
  gram: Array,
  targets: Array,
  *,
  ridge: float = 1e-6,
  weights: Array | None = None,
) -> Solution:
  """Solves kernel ridge regression.

  `f(x) = K(x, .) coefficients` minimizes `sum_i w_i |y_i - f(x_i)|^2 + r |f|^2`
  with `r = ridge * sum_i w_i K_ii / sum_i w_i`. A row of weight 2 counts as
  two, a row of weight 0 as none. The gradient is that of the exact solution, by
  the implicit function theorem: the factorization is not differentiated.

  Args:
    gram: `f[n, n]`, symmetric and positive semi-definite.
    targets: `f[n, o]`.
    ridge: relative to the weighted mean of the diagonal (the trace, as KIP,
      Nguyen et al. 2021, and FRePo, Zhou et al. 2022, have it).
    weights: `f[n]`, non-negative; ones by default.

  Returns:
    A solution. Outside jit, one that failed is raised instead.

  Raises:
    UserError: outside jit, if no ridge was enough.

  >>> found = solve(jnp.eye(2), jnp.array([[1.0], [2.0]]), ridge=1.0)
  >>> found.coefficients.round(3).tolist()
  [[0.5], [1.0]]
  """
  n = gram.shape[0]
  chex.assert_shape(gram, (n, n))
  chex.assert_shape(targets, (n, None))
  w = jnp.ones(n, gram.dtype) if weights is None else weights
  chex.assert_shape(w, (n,))
  root = safe_sqrt(w)
  matrix = root[:, None] * gram * root[None, :]
  found = _factored(matrix, root[:, None] * targets, ridge, w.sum())
  return found._replace(coefficients=root[:, None] * found.coefficients)


def fit(
  features: Array,
  targets: Array,
  *,
  ridge: float = 1e-6,
  weights: Array | None = None,
) -> Solution:
  """Solves ridge regression on features: `f(x) = features(x) coefficients`.

  The same as `solve` with the kernel `features features'`, by the smaller of
  its two matrices: `n` by `n`, or `d` by `d` where features are few.

  Args:
    features: `f[n, d]`.
    targets: `f[n, o]`.
    ridge: see `solve`.
    weights: `f[n]`; ones by default.

  Returns:
    A solution with coefficients `f[d, o]`.

  Raises:
    UserError: outside jit, if no ridge was enough.

  >>> fit(jnp.eye(2), jnp.ones((2, 1))).coefficients.round(3).tolist()
  [[1.0], [1.0]]
  """
  chex.assert_rank(features, 2)
  n, d = features.shape
  chex.assert_shape(targets, (n, None))
  if n <= d:
    gram = jnp.matmul(features, features.T, precision=EXACT)
    found = solve(gram, targets, ridge=ridge, weights=weights)
    lifted = jnp.matmul(features.T, found.coefficients, precision=EXACT)
    return found._replace(coefficients=lifted)
  w = jnp.ones(n, features.dtype) if weights is None else weights
  weighted = (w[:, None] * features).T
  return _factored(
    jnp.matmul(weighted, features, precision=EXACT),
    jnp.matmul(weighted, targets, precision=EXACT),
    ridge,
    w.sum(),
  )


def _factored(
  matrix: Array, right: Array, ridge: float, mass: Array
) -> Solution:
  """Solves `(matrix + r I) x = right`, with `r` relative to `trace / mass`."""
  eye = jnp.eye(matrix.shape[0], dtype=matrix.dtype)
  unit = safe_divide(jnp.trace(matrix), mass)
  # A matrix of zeros is solved by zeros.
  unit = jnp.where(unit > 0, unit, 1.0)
  still, still_unit = lax.stop_gradient((matrix, unit))

  def factor(ridge: Array) -> Array:
    return jnp.linalg.cholesky(still + ridge * still_unit * eye)

  def bad(factor: Array) -> Array:
    return ~jnp.isfinite(factor).all()

  def again(state: tuple[Array, Array, Array]) -> Array:
    tries, _, lower = state
    return bad(lower) & (tries < TRIES)

  def stronger(
    state: tuple[Array, Array, Array],
  ) -> tuple[Array, Array, Array]:
    tries, ridge, _ = state
    return tries + 1, RAISE * ridge, factor(RAISE * ridge)

  first = jnp.asarray(ridge, matrix.dtype)
  _, enough, lower = lax.while_loop(
    again, stronger, (jnp.zeros([], jnp.int32), first, factor(first))
  )
  failed = bad(lower)

  def matvec(x: Array) -> Array:
    return jnp.matmul(matrix, x, precision=EXACT) + enough * unit * x

  def direct(_: object, b: Array) -> Array:
    x = cho_solve((lower, True), b)
    # One refinement wins back digits that a float32 factor has lost.
    return x + cho_solve((lower, True), b - apply(x))

  def apply(x: Array) -> Array:
    return jnp.matmul(still, x, precision=EXACT) + enough * still_unit * x

  x = lax.custom_linear_solve(matvec, right, direct, symmetric=True)
  _require(failed)
  return Solution(jnp.where(failed, jnp.nan, x), enough, failed)


def _require(failed: Array) -> None:
  if not isinstance(failed, Tracer) and bool(failed):
    raise UserError(
      'ridge regression failed: the kernel matrix has entries that are not '
      'finite, or is far from positive definite; look at the inputs, or give '
      'a larger ridge'
    )
