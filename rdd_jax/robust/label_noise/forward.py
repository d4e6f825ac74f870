"""Fits class probabilities to labels through a transition of labels.

The forward likelihood, `log sum_i p_i T[i, j]`: Patrini et al., Making Deep
Neural Networks Robust to Label Noise, CVPR 2017, theorem 2. Probabilities are
`softmax(s (z + z B) + b)` of standardized scores `z`, with a normal prior on
the map `B`.
"""

from __future__ import annotations

from typing import Any

import jax
from jax import Array
import jax.numpy as jnp
from jax.typing import ArrayLike
import optax

from rdd_jax.core.numerics import safe_divide


@jax.jit
def standardized(scores: Array) -> Array:
  """Centers the scores of each class, and scales all of them to unit variance.

  Args:
    scores: `f[N, k]`.
  """
  z = scores - scores.mean(0)[None]
  return safe_divide(z, z.std())


def fresh(k: int) -> Any:
  """Returns maps of both halves before any fit: a scale, a bias, `B`.

  Args:
    k: the number of classes.
  """
  one = {
    'scale': jnp.zeros([]),
    'bias': jnp.zeros(k),
    'map': jnp.zeros((k, k)),
  }
  return jax.tree.map(lambda x: jnp.stack([x, x]), one)


def _probabilities(p: Any, z: Array) -> Array:
  """Logarithms of the class probabilities, `f[n, k]`."""
  mapped = z + z @ p['map']
  return jax.nn.log_softmax(jnp.exp(p['scale']) * mapped + p['bias'][None], 1)


@jax.jit
def fit(
  z: Array,
  labels: Array,
  halves: Array,
  transition: Array,
  maps: Any,
  precision: ArrayLike,
  steps: ArrayLike,
) -> Any:
  """Fits the map of each half of the rows.

  Args:
    z: `f[N, k]`, standardized scores.
    labels: `i[N]`, as given.
    halves: `i[2, N // 2]`, numbers of rows.
    transition: `f[k, k]`, `P(given j | true i)`.
    maps: where to start.
    precision: of the prior on entries of `B`.
    steps: of Adam.

  Returns:
    Maps, stacked.
  """
  logs = jnp.log(transition + 1e-8)

  def of_half(x: tuple[Any, Array]) -> Any:
    start, rows = x
    inputs, given = z[rows], labels[rows]

    def loss(p: Any) -> Array:
      prior = 0.5 * precision * (p['map'] ** 2).sum() / rows.shape[0]
      return prior - likelihood(_probabilities(p, inputs), logs, given)

    return adam(loss, start, steps, 0.03)

  return jax.lax.map(of_half, (maps, halves))


def held_out(z: Array, fitted: Any, halves: Array) -> Array:
  """Returns log-probabilities by the map of the other half, `f[N, k]`.

  Args:
    z: `f[N, k]`, standardized scores.
    fitted: maps of both halves.
    halves: `i[2, N // 2]`; a row of neither takes what the second map says.
  """
  first, second = (jax.tree.map(lambda x, i=i: x[i], fitted) for i in (0, 1))
  in_second = jnp.zeros(z.shape[0], bool).at[halves[1]].set(True)
  return jnp.where(
    in_second[:, None], _probabilities(first, z), _probabilities(second, z)
  )


def likelihood(clean: Array, transition: Array, labels: Array) -> Array:
  """Computes the mean of `log sum_i p_i T[i, j]`, `f[]`.

  Args:
    clean: `f[N, k]`, logarithms of `p`.
    transition: `f[k, k]`, logarithms of `T`.
    labels: `i[N]`, as given.

  >>> likelihood(jnp.zeros((1, 1)), jnp.zeros((1, 1)), jnp.array([0])).item()
  0.0
  """
  return jax.nn.logsumexp(clean + transition[:, labels].T, 1).mean()


def adam(loss: Any, start: Any, steps: ArrayLike, rate: float) -> Any:
  """Minimizes by so many steps of Adam.

  Args:
    loss: from a tree of arrays to `f[]`.
    start: the tree.
    steps: their number, which is not compiled for.
    rate: the learning rate.

  >>> adam(lambda x: (x - 1) ** 2, jnp.zeros([]), 200, 0.1).round(2).item()
  1.0
  """
  tx = optax.adam(rate)

  def step(_: Array, state: Any) -> Any:
    p, opt = state
    updates, opt = tx.update(jax.grad(loss)(p), opt)
    return optax.apply_updates(p, updates), opt

  return jax.lax.fori_loop(0, steps, step, (start, tx.init(start)))[0]
