"""The tangent kernel of a finite network, without its Jacobian.

A column is one vector-Jacobian product pushed forward by one Jacobian-vector
product (NTK-vector products), and needs the memory of one set of parameters.

Source: Novak et al., Fast Finite Width Neural Tangent Kernel, ICML 2022.

Deviations: rows of `x2` are taken one at a time, to save memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
from jax import Array, lax
import jax.numpy as jnp

Apply = Callable[[Any, Array], Array]  # (params, f[n, ...]) -> f[n, o]


def empirical_ntk(
  apply: Apply, params: Any, x1: Array, x2: Array | None = None
) -> Array:
  """Returns `J(x1) J(x2)^T`, with `J` the Jacobian in the parameters.

  Args:
    apply: `(params, f[n, ...]) -> f[n, o]`, row by row.
    params: a pytree of floats.
    x1: `f[n1, ...]`.
    x2: `f[n2, ...]`; None stands for `x1`.

  Returns:
    `f[n1, n2, o, o]`, by output of `x1` and output of `x2`.

  >>> linear = lambda w, x: x @ w
  >>> empirical_ntk(linear, jnp.ones((3, 4)), jnp.ones((2, 3))).shape
  (2, 2, 4, 4)
  """

  def column(x: Array) -> Array:
    out, back = jax.vjp(lambda p: apply(p, x[None])[0], params)

    def push(unit: Array) -> Array:
      return forward(apply, params, x1, back(unit)[0])

    # f[o2, n1, o1]
    return jax.vmap(push)(jnp.eye(out.shape[0], dtype=out.dtype))

  columns = lax.map(column, x1 if x2 is None else x2)
  return columns.transpose(2, 0, 3, 1)


def scalar_ntk(
  apply: Apply, params: Any, x1: Array, x2: Array | None = None
) -> Array:
  """Computes the mean over outputs of `empirical_ntk`'s diagonal.

  Args:
    apply: `(params, f[n, ...]) -> f[n, o]`, row by row.
    params: a pytree of floats.
    x1: `f[n1, ...]`.
    x2: `f[n2, ...]`; None stands for `x1`.

  Returns:
    `f[n1, n2]`.

  >>> linear = lambda w, x: x @ w
  >>> scalar_ntk(linear, jnp.ones((3, 2)), jnp.ones((1, 3))).tolist()
  [[3.0]]
  """
  full = empirical_ntk(apply, params, x1, x2)
  return jnp.einsum('abkk->ab', full) / full.shape[-1]


def backward(apply: Apply, params: Any, x: Array, v: Array) -> Any:
  """Computes `J(x)^T v`, with `J` the Jacobian in the parameters.

  Args:
    apply: `(params, f[n, ...]) -> f[n, o]`.
    params: a pytree of floats.
    x: `f[n, ...]`.
    v: `f[n, o]`.

  Returns:
    A pytree as `params`.
  """
  return jax.vjp(lambda p: apply(p, x), params)[1](v)[0]


def forward(apply: Apply, params: Any, x: Array, tangent: Any) -> Array:
  """Computes `J(x) tangent`: the linearized network, less its start.

  Args:
    apply: `(params, f[n, ...]) -> f[n, o]`.
    params: a pytree of floats.
    x: `f[n, ...]`.
    tangent: a pytree as `params`.

  Returns:
    `f[n, o]`.
  """
  return jax.jvp(lambda p: apply(p, x), (params,), (tangent,))[1]


def ntk_product(apply: Apply, params: Any, x: Array, v: Array) -> Array:
  """Computes `J(x) J(x)^T v`, by one pass back and one forward.

  Args:
    apply: `(params, f[n, ...]) -> f[n, o]`.
    params: a pytree of floats.
    x: `f[n, ...]`.
    v: `f[n, o]`.

  Returns:
    `f[n, o]`.
  """
  return forward(apply, params, x, backward(apply, params, x, v))
