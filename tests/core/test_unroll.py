"""Laws of unroll: which adjoints are exact, what they keep, and when."""

from __future__ import annotations

from typing import Any, NamedTuple

import chex
import jax
from jax import Array
from jax.flatten_util import ravel_pytree
import jax.numpy as jnp
from marks import slow_but
import numpy as np
import optax
import pytest

from rdd_jax import networks
from rdd_jax.core.unroll import backprop, checkpointed, tesla, truncated, unroll

N = 5
KEYS = jax.random.split(jax.random.key(0), 9)
OPTIMIZERS = {
  'sgd': optax.sgd,
  'momentum': lambda rate: optax.sgd(rate, momentum=0.8),
  'adam': lambda rate: optax.adam(rate, eps_root=1e-6),
}
EXACT = {
  'backprop': backprop(),
  'every_state': checkpointed(1),
  'every_third': checkpointed(3),  # One chunk of three, and two steps.
  'root': checkpointed(None),  # Two chunks of two, and one step.
  'window_of_all': truncated(N, 0),
}
ALL = {
  **EXACT,
  'window': truncated(2, N - 2),
  'tesla_in_window': truncated(3, N - 3, within=tesla()),
  'tesla': tesla(),
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


def at(xs, i):
  return jax.tree.map(lambda x: x[i], xs)


def loop(optimizer: str, given: Given, steps: int = N) -> list:
  """The states before and after each step, by a loop in Python."""
  step, xs = jax.jit(stepper(optimizer, given)), xs_of(given)
  states = [start(optimizer, given)]
  for i in range(steps):
    states.append(step(states[-1], at(xs, i)))
  return states


def numeric(f, tree, h: float = 1e-6):
  """The gradient by central differences."""
  flat, unravel = ravel_pytree(tree)
  at_each = jax.jit(jax.vmap(lambda v: f(unravel(v))))
  steps = h * np.eye(len(flat))
  ahead, behind = at_each(flat[None] + steps), at_each(flat[None] - steps)
  return unravel((ahead - behind) / (2 * h))


@pytest.fixture
def x64():
  with jax.enable_x64(True):
    yield
  assert jnp.ones([]).dtype == jnp.float32


@pytest.mark.parametrize('optimizer', slow_but(('adam',), OPTIMIZERS))
def test_exact_adjoints_agree_with_one_another_and_with_differences(
  x64, optimizer
):
  grads = gradients(optimizer, given(), EXACT)
  exact = grads.pop('backprop')
  assert all(leaf.all() for leaf in exact)
  chex.assert_trees_all_close(
    exact,
    numeric(lambda g: objective(train(optimizer, g)), given()),
    rtol=1e-6,
    atol=1e-8,
  )
  # A window never reaches what precedes it, wherever it begins.
  window = grads.pop('window_of_all')
  assert not window.init.any()
  grads['window_of_all'] = window._replace(init=exact.init)
  for ours in grads.values():
    chex.assert_trees_all_close(ours, exact, **EXACTLY)


@pytest.mark.parametrize('optimizer', OPTIMIZERS)
def test_the_state_is_that_of_a_loop_whatever_the_adjoint(x64, optimizer):
  adjoints = {**ALL, 'default': None}
  ends = jax.jit(
    lambda g: {k: train(optimizer, g, a) for k, a in adjoints.items()}
  )(given())
  expected = loop(optimizer, given())[-1]
  assert int(expected['count']) == N
  for end in ends.values():
    chex.assert_trees_all_close(end, expected, **EXACTLY)


@pytest.mark.parametrize('n', [1, 4, 6, 9])
def test_chunks_cover_all_steps_in_order(n):
  """With and without a remainder, and with fewer steps than a chunk has."""
  xs = jnp.arange(1.0, n + 1)

  def value(scale, adjoint):
    return unroll(
      lambda s, x: 0.5 * s + x * scale, jnp.zeros([]), xs, adjoint=adjoint
    )

  expected = sum(x * 0.5 ** (n - x) for x in range(1, n + 1))
  adjoints = None, *map(checkpointed, (1, 2, 3, 5, None))
  both = jax.jit(lambda c: [jax.value_and_grad(value)(c, a) for a in adjoints])
  np.testing.assert_allclose(both(1.0), expected, rtol=1e-6)


@pytest.mark.parametrize(
  ('optimizer', 'window', 'begin'), [('adam', 2, 1), ('momentum', 3, 2)]
)
def test_a_window_is_differentiated_and_what_precedes_is_not(
  x64, optimizer, window, begin
):
  still = loop(optimizer, given(), begin)[-1]

  @jax.jit
  def by_hand(given):
    step, xs, state = stepper(optimizer, given), xs_of(given), still
    for i in range(begin, begin + window):
      state = step(state, at(xs, i))
    return objective(state)

  grads = gradient(optimizer, given(), truncated(window, begin))
  chex.assert_trees_all_close(grads, jax.grad(by_hand)(given()), **EXACTLY)
  inside = np.isin(np.arange(N), np.arange(begin, begin + window))
  np.testing.assert_array_equal(grads.scales != 0, inside)
  assert grads.data.any()
  assert grads.rate != 0
  assert not grads.init.any()


def test_a_window_is_differentiated_as_it_is_told(x64):
  grads = gradients(
    'sgd',
    given(),
    {
      'default': truncated(3, 2),
      'exact': truncated(3, 2, within=backprop()),
      'approximate': truncated(3, 2, within=tesla()),
    },
  )
  chex.assert_trees_all_close(grads['exact'], grads['default'], **EXACTLY)
  pulls = detached('sgd', given(), begin=2)
  pulls = pulls._replace(init=jnp.zeros((3, 2)))
  chex.assert_trees_all_close(grads['approximate'], pulls, **EXACTLY)


def test_a_traced_start_is_a_static_one_and_compiles_once(x64):
  traces = []

  @jax.jit
  def grad(given, begin):
    traces.append(begin)
    adjoint = truncated(2, begin)
    return jax.value_and_grad(lambda g: objective(train('sgd', g, adjoint)))(
      given
    )

  states = loop('sgd', given())
  for begin in range(N - 1):
    value, grads = grad(given(), begin)
    np.testing.assert_allclose(value, objective(states[begin + 2]), rtol=1e-11)
    if begin in (0, 3):
      static = gradient('sgd', given(), truncated(2, begin))
      chex.assert_trees_all_close(grads, static, **EXACTLY)
  assert len(traces) == 1


@pytest.mark.parametrize('begin', [0, 2, N])
def test_an_empty_window_gives_no_gradient(begin):
  @jax.jit
  def grad(given):
    return jax.value_and_grad(
      lambda g: objective(train('sgd', g, truncated(0, begin)))
    )(given)

  value, grads = grad(given())
  chex.assert_trees_all_equal(grads, jax.tree.map(jnp.zeros_like, given()))
  state = loop('sgd', given(), begin)[-1]
  np.testing.assert_allclose(value, objective(state), rtol=1e-5)


@pytest.mark.parametrize(('window', 'begin'), [(3, 3), (6, 0), (0, 6), (2, -1)])
def test_a_window_that_does_not_fit_is_refused(window, begin):
  message = rf'truncated\(window={window}, start={begin}\) of 5 steps'
  for value in (begin, jnp.asarray(begin)):
    with pytest.raises(ValueError, match=message):
      train('sgd', given(), truncated(window, value))


@pytest.mark.parametrize('every', [0, -2])
def test_checkpoints_every_no_steps_are_refused(every):
  with pytest.raises(ValueError, match=rf'checkpointed\(every={every}\)'):
    checkpointed(every)


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


@pytest.mark.parametrize('optimizer', OPTIMIZERS)
def test_tesla_is_the_sum_of_the_pulls_of_single_steps(x64, optimizer):
  grads = gradient(optimizer, given(), tesla())
  assert all(leaf.all() for leaf in grads)
  chex.assert_trees_all_close(grads, detached(optimizer, given()), **EXACTLY)


@pytest.mark.parametrize('optimizer', ['momentum', 'adam'])
def test_tesla_is_exact_for_one_step(x64, optimizer):
  """But for `init`, which the curvature of the step does not reach."""
  both = {'ours': tesla(), 'exact': backprop()}
  grads = gradients(optimizer, given(1), both)
  ours, exact = grads['ours'], grads['exact']
  assert not np.allclose(ours.init, exact.init, rtol=0.01)
  ours = ours._replace(init=exact.init)
  chex.assert_trees_all_close(ours, exact, **EXACTLY)


def test_tesla_is_exact_where_a_change_does_not_depend_on_the_state(x64):
  def value(given, adjoint):
    def step(params, x):
      signs = 2.0 * (jax.random.bits(x['key'], (4, 2)) % 2) - 1

      def loss(params):  # Linear in the parameters.
        outputs = given.data[x['index']] ** 2 @ params
        return x['scale'] * jnp.mean(outputs * signs)

      return params - given.rate * jax.grad(loss)(params)

    return objective(unroll(step, given.init, xs_of(given), adjoint=adjoint))

  grads, exact = (
    jax.jit(jax.grad(lambda g, a=a: value(g, a)))(given(9))
    for a in (tesla(), backprop())
  )
  assert all(leaf.all() for leaf in exact)
  chex.assert_trees_all_close(grads, exact, **EXACTLY)


def test_tesla_is_near_the_exact_gradient_of_a_student():
  """Matching a point of a longer training on other rows, as MTT does.

  Measured over these seeds, for the rows: a cosine of 0.9961 to 0.9967 to the
  exact gradient, and 0.91 to 0.94 of its norm. It is worse the further the
  student goes: at seed 0, a cosine of 0.96 over 40 steps.
  """
  net = networks.build('mlp', 3, width=16, depth=2)

  def sgd(unravel, rows, targets):
    def loss(theta):
      outputs = networks.apply(net, {'params': unravel(theta)}, rows)
      return optax.softmax_cross_entropy(outputs.logits, targets).mean()

    return lambda theta, _: theta - 0.05 * jax.grad(loss)(theta)

  @jax.jit
  def both(key):
    keys = jax.random.split(key, 4)
    variables = networks.init(net, keys[0], (8, 8, 1))
    theta, unravel = ravel_pytree(variables['params'])
    rows = jax.random.normal(keys[1], (12, 8, 8, 1))
    targets = jax.nn.softmax(2 * jax.random.normal(keys[2], (12, 3)))
    real = rows + 0.5 * jax.random.normal(keys[3], rows.shape)
    target = unroll(sgd(unravel, real, targets), theta, jnp.arange(60))

    def left(rows, adjoint):
      step = sgd(unravel, rows, targets)
      end = unroll(step, theta, jnp.arange(10), adjoint=adjoint)
      return jnp.sum((end - target) ** 2)

    return [jax.grad(left)(rows, a) for a in (tesla(), backprop())]

  for seed in range(3):
    ours, exact = map(np.asarray, both(jax.random.key(seed)))
    norm, exact_norm = np.linalg.norm(ours), np.linalg.norm(exact)
    assert np.vdot(ours, exact) >= 0.9 * norm * exact_norm
    assert np.linalg.norm(ours - exact) >= 0.02 * exact_norm
    assert norm != pytest.approx(exact_norm, rel=0.01)


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
