"""Laws of unrolls inside other transformations, and of what adjoints keep."""

from __future__ import annotations

import chex
from core.unroll_cases import ALL, EXACT, KEYS, N, at
import jax
from jax import Array
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax.core.unroll import tesla, truncated, unroll

SIZE = 100_000


def states_kept(adjoint, n: int) -> float:
  """The memory that a compiled gradient needs, in states."""

  def value(data, init, xs):
    def step(state, x):
      for _ in range(3):
        state = jnp.sin(x * state)
      return state + data * jnp.cos(state)

    return jnp.sum(unroll(step, init, xs, adjoint=adjoint) ** 2)

  state = jax.ShapeDtypeStruct((SIZE,), jnp.float32)
  xs = jax.ShapeDtypeStruct((n,), jnp.float32)
  compiled = jax.jit(jax.grad(value)).lower(state, state, xs).compile()
  return compiled.memory_analysis().temp_size_in_bytes / (4 * SIZE)


def test_checkpoints_keep_fewer_states_than_backprop_does():
  """The states that they say, and no more than a step or so beside them."""
  kept = {
    name: states_kept(EXACT[name], 64)
    for name in ('backprop', 'every_state', 'every_third', 'root')
  }
  assert kept['backprop'] > 2 * 64
  assert 64 <= kept['every_state'] <= 64 + 8
  assert 64 / 3 <= kept['every_third'] <= 64 / 3 + 3 + 8
  assert 8 + 8 <= kept['root'] <= 8 + 8 + 8


def test_a_window_keeps_its_own_steps_only():
  short, long = (states_kept(truncated(16, 3), n) for n in (32, 128))
  assert 16 <= short <= 16 + 8
  assert long == pytest.approx(short, abs=0.1)


def test_tesla_keeps_no_more_for_more_steps():
  short, long = (states_kept(tesla(), n) for n in (16, 64))
  assert short <= 8
  assert long == pytest.approx(short, abs=0.1)


def small(data: Array, init: Array, adjoint) -> Array:
  """A training with little to compile."""

  def step(state, x):
    key, i = x
    shift = (jax.random.key_data(key)[0] % 3).astype(jnp.float32)
    return state - 0.3 * state**2 * (data[i] + 0.1 * shift)

  xs = KEYS[:N], jnp.arange(N) % 3
  return jnp.sum(unroll(step, init, xs, adjoint=adjoint) ** 2)


DATA = jnp.array([0.5, -0.4, 0.8])


KINDS = ['backprop', 'root', 'window', 'tesla_in_window', 'tesla']


@pytest.mark.parametrize('name', KINDS)
def test_gradients_batch_over_inits(name):
  inits = jnp.array([[0.9, 0.1], [0.3, -0.5], [-0.2, 0.7]])

  def grad(init):
    return jax.grad(small, (0, 1))(DATA, init, ALL[name])

  batched, once = jax.jit(jax.vmap(grad))(inits), jax.jit(grad)
  for i, init in enumerate(inits):
    chex.assert_trees_all_close(at(batched, i), once(init), rtol=1e-5)


@pytest.mark.parametrize('name', KINDS)
def test_a_scan_descends_through_an_unroll(name):
  """What a distillation is: values and gradients, step by step."""

  def descend(data, _):
    value, grad = jax.value_and_grad(small)(
      data, jnp.array([0.9, 0.1]), ALL[name]
    )
    return data - 0.5 * grad, value

  end, values = jax.jit(lambda d: jax.lax.scan(descend, d, length=3))(DATA)
  data, once = DATA, jax.jit(descend)
  for value in values:
    data, expected = once(data, None)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
  np.testing.assert_allclose(end, data, rtol=1e-5)
  assert values[2] < values[0]


AROUND = {
  'jit': jax.jit,
  'vmap': lambda f: lambda d, i: jax.vmap(f, (None, 0))(d, i[None]).sum(),
  'map': lambda f: lambda d, i: jax.lax.map(lambda i: f(d, i), i[None]).sum(),
  'checkpoint': jax.checkpoint,
}


@pytest.mark.parametrize('around', AROUND)
@pytest.mark.parametrize(
  'name',
  [
    'every_state',
    'window',
    'tesla',
  ],
)
def test_gradients_pass_transformations_around_an_unroll(name, around):
  """Where `step` closes over integers that are traced inside of them."""

  def value(data, index):
    def step(state, i):
      return jnp.sin(state) + data[index[i]]

    end = unroll(step, jnp.ones([]), jnp.arange(N), adjoint=ALL[name])
    return end**2

  index = jnp.array([2, 1, 0, 2, 1])
  np.testing.assert_allclose(
    jax.grad(AROUND[around](value))(DATA, index),
    jax.grad(value)(DATA, index),
    rtol=1e-5,
  )
