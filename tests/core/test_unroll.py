"""Laws of unroll: which adjoints are exact, what they keep, and when."""

from __future__ import annotations

import chex
from core.tesla_cases import (
  EXACTLY,
  OPTIMIZERS,
  detached,
  given,
  gradient,
  gradients,
  loop,
  objective,
  stepper,
  train,
  xs_of,
)
from core.unroll_cases import ALL, EXACT, N, at
import jax
from jax.flatten_util import ravel_pytree
import jax.numpy as jnp
from marks import slow_but
import numpy as np
import pytest

from rdd_jax.core.unroll import backprop, checkpointed, tesla, truncated, unroll


def numeric(f, tree, h: float = 1e-6):
  """The gradient by central differences."""
  flat, unravel = ravel_pytree(tree)
  at_each = jax.jit(jax.vmap(lambda v: f(unravel(v))))
  steps = h * np.eye(len(flat))
  ahead, behind = at_each(flat[None] + steps), at_each(flat[None] - steps)
  return unravel((ahead - behind) / (2 * h))


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
