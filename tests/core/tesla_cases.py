"""Cases that the tests of tesla share."""

from __future__ import annotations

from typing import Any, NamedTuple

from core.unroll_cases import KEYS, N, at
import jax
from jax import Array
import jax.numpy as jnp
import numpy as np
import optax

from rdd_jax.core.unroll import unroll

OPTIMIZERS = {
  'sgd': optax.sgd,
  'momentum': lambda rate: optax.sgd(rate, momentum=0.8),
  'adam': lambda rate: optax.adam(rate, eps_root=1e-6),
}


EXACTLY = {'rtol': 1e-11, 'atol': 1e-13}  # In double precision.


class Given(NamedTuple):
  """What a gradient may reach: data and rate by closure, scales in xs."""

  data: Array  # f[6, 3]
  rate: Array  # f[]
  scales: Array  # f[n]
  init: Array  # f[3, 2]


def given(n: int = N) -> Given:
  rng = np.random.default_rng(0)
  return Given(
    data=jnp.asarray(rng.normal(size=(6, 3))),
    rate=jnp.asarray(0.2),
    scales=jnp.asarray(rng.uniform(0.5, 2, n)),
    init=jnp.asarray(rng.normal(size=(3, 2))),
  )


def start(optimizer: str, given: Given) -> dict[str, Any]:
  """A state with floating leaves and integers."""
  opt = OPTIMIZERS[optimizer](given.rate).init(given.init)
  return {'params': given.init, 'opt': opt, 'count': jnp.zeros([], jnp.int32)}


def xs_of(given: Given) -> dict[str, Array]:
  """Floats, integers and typed keys, of each step."""
  n = len(given.scales)
  return {
    'scale': given.scales,
    'index': jnp.arange(4 * n).reshape(n, 4) % 6,
    'key': KEYS[:n],
  }


def stepper(optimizer: str, given: Given):
  """Regression of random signs on the rows that `x` names."""
  tx = OPTIMIZERS[optimizer](given.rate)

  def step(state, x):
    signs = 2.0 * (jax.random.bits(x['key'], (4, 2)) % 2) - 1

    def loss(params):
      outputs = given.data[x['index']] @ params
      return x['scale'] * jnp.mean((outputs + 0.1 * outputs**2 - signs) ** 2)

    grads = jax.grad(loss)(state['params'])
    updates, opt = tx.update(grads, state['opt'], state['params'])
    params = optax.apply_updates(state['params'], updates)
    return {'params': params, 'opt': opt, 'count': state['count'] + 1}

  return step


def train(optimizer: str, given: Given, adjoint=None):
  step = stepper(optimizer, given)
  return unroll(step, start(optimizer, given), xs_of(given), adjoint=adjoint)


def objective(state) -> Array:
  """Depends on all floating leaves, the optimiser's included."""
  floats = [
    leaf
    for leaf in jax.tree.leaves(state)
    if jnp.issubdtype(leaf.dtype, jnp.floating)
  ]
  return jnp.sum(jnp.stack([jnp.sum(leaf**2) for leaf in floats]))


def gradients(optimizer: str, given: Given, adjoints: dict) -> dict:
  """By the names of the adjoints; compiled as one."""

  @jax.jit
  def grads(given):
    return {
      name: jax.grad(lambda g, a=a: objective(train(optimizer, g, a)))(given)
      for name, a in adjoints.items()
    }

  return grads(given)


def gradient(optimizer: str, given: Given, adjoint=None) -> Given:
  return gradients(optimizer, given, {'': adjoint})['']


def loop(optimizer: str, given: Given, steps: int = N) -> list:
  """The states before and after each step, by a loop in Python."""
  step, xs = jax.jit(stepper(optimizer, given)), xs_of(given)
  states = [start(optimizer, given)]
  for i in range(steps):
    states.append(step(states[-1], at(xs, i)))
  return states


def detached(optimizer: str, given: Given, begin: int = 0) -> Given:
  """The sum of what each step pulls on what it is given, of one cotangent."""
  states = loop(optimizer, given, len(given.scales))
  cotangent = jax.grad(objective, allow_int=True)(states[-1])

  @jax.jit
  def pull(given, state, i):
    def new(given):
      return stepper(optimizer, given)(state, at(xs_of(given), i))

    return jax.vjp(new, given)[1](cotangent)[0]

  total = jax.tree.map(jnp.zeros_like, given)
  for i in range(begin, len(given.scales)):
    total = jax.tree.map(jnp.add, total, pull(given, states[i], i))
  return total._replace(init=cotangent['params'])
