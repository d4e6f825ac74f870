"""Laws of gradient transformations that optax lacks."""

from __future__ import annotations

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from rdd_jax.synthetic.optimizers import (
  clip_by_running_norm,
  hold_rows,
  skip_above,
)

PARAMS = {'w': jnp.array([[1.0, -2.0, 0.5]]), 'b': jnp.array([0.3])}
INNERS = {
  'sgd': optax.sgd(0.1),
  'momentum': optax.sgd(0.1, momentum=0.9),
  'adam': optax.adam(0.1),
  'chain': optax.chain(
    optax.clip_by_global_norm(1.0),
    optax.add_decayed_weights(0.1),
    optax.adam(1),
  ),
}


def gradients(seed: int, norm: float | None = None):
  rng = np.random.default_rng(seed)
  grads = {
    k: jnp.asarray(rng.normal(size=v.shape), jnp.float32)
    for k, v in PARAMS.items()
  }
  if norm is None:
    return grads
  return jax.tree.map(lambda g: g * norm / optax.tree.norm(grads), grads)


@pytest.mark.parametrize('name', INNERS)
def test_a_loss_above_the_threshold_moves_nothing(name):
  inner = INNERS[name]
  tx = skip_above(0.5, inner)
  _, state = inner.update(gradients(0), inner.init(PARAMS), PARAMS)
  for value in (0.5001, 7.0, jnp.inf):
    updates, after = tx.update(gradients(1), state, PARAMS, value=value)
    chex.assert_trees_all_equal(optax.apply_updates(PARAMS, updates), PARAMS)
    chex.assert_trees_all_equal(after, state)


@pytest.mark.parametrize('name', INNERS)
def test_gradients_that_are_not_finite_are_skipped_with_their_loss(name):
  tx = skip_above(0.5, INNERS[name])
  state = tx.init(PARAMS)
  bad = jax.tree.map(lambda p: jnp.full_like(p, jnp.nan), PARAMS)
  updates, after = tx.update(bad, state, PARAMS, value=2.0)
  chex.assert_trees_all_equal(optax.apply_updates(PARAMS, updates), PARAMS)
  chex.assert_trees_all_equal(after, state)


@pytest.mark.parametrize('name', INNERS)
def test_other_losses_take_the_inner_step(name):
  inner = INNERS[name]
  tx = skip_above(0.5, inner)
  state = expected = inner.init(PARAMS)
  chex.assert_trees_all_equal(tx.init(PARAMS), state)
  for seed, value in enumerate([0.5, 0.1, -3.0]):
    new, expected = inner.update(gradients(seed), expected, PARAMS)
    updates, state = tx.update(gradients(seed), state, PARAMS, value=value)
    chex.assert_trees_all_equal((updates, state), (new, expected))


def test_skipped_steps_are_as_if_they_had_not_been():
  tx = skip_above(1.0, INNERS['momentum'])

  @jax.jit
  def step(carry, x):
    params, state = carry
    updates, state = tx.update(x['grads'], state, params, value=x['value'])
    return (optax.apply_updates(params, updates), state), None

  values = np.array([0.2, 3.0, 0.9, 1.0, 2.0, 0.1])
  steps = [
    {'grads': gradients(i), 'value': jnp.float32(v)}
    for i, v in enumerate(values)
  ]

  def run(kept):
    stacked = jax.tree.map(lambda *x: jnp.stack(x), *kept)
    return jax.lax.scan(step, (PARAMS, tx.init(PARAMS)), stacked)[0]

  passed = [x for x, v in zip(steps, values, strict=True) if v <= 1]
  assert len(passed) == 4
  chex.assert_trees_all_equal(run(steps), run(passed))


def test_skip_above_passes_the_loss_and_other_arguments_on():
  def update(updates, state, params=None, *, value, scale, **extra):
    del params, extra
    return jax.tree.map(lambda g: scale * value * g, updates), state

  inner = optax.GradientTransformationExtraArgs(
    lambda params: optax.EmptyState(), update
  )
  tx = optax.chain(skip_above(5.0, inner), optax.scale(-1.0))
  state = tx.init(PARAMS)
  updates, _ = tx.update(gradients(0), state, PARAMS, value=2.0, scale=3.0)
  chex.assert_trees_all_close(
    updates, jax.tree.map(lambda g: -6 * g, gradients(0)), rtol=1e-6
  )


def norm(updates) -> float:
  return float(optax.tree.norm(updates))


def test_the_first_gradient_passes_and_sets_the_average():
  tx = clip_by_running_norm()
  for seed, size in enumerate([1e-6, 1.0, 1e6]):
    grads = gradients(seed, size)
    updates, state = tx.update(grads, tx.init(PARAMS))
    chex.assert_trees_all_equal(updates, grads)
    np.testing.assert_allclose(state.average, size, rtol=1e-6)


@pytest.mark.parametrize('factor', [1.0, 2.0, 5.0])
def test_a_burst_is_scaled_to_the_factor_times_the_average(factor):
  tx = clip_by_running_norm(factor)
  _, state = tx.update(gradients(0, 3.0), tx.init(PARAMS))
  burst = gradients(1, 30.0)
  updates, after = tx.update(burst, state)
  np.testing.assert_allclose(norm(updates), factor * 3, rtol=1e-5)
  chex.assert_trees_all_close(
    updates, jax.tree.map(lambda g: factor / 10 * g, burst), rtol=1e-5
  )
  # It enters the average as it was clipped.
  np.testing.assert_allclose(
    after.average, 0.9 * 3 + 0.1 * factor * 3, rtol=1e-5
  )


@pytest.mark.parametrize('size', [0.0, 0.1, 3.0, 5.99])
def test_smaller_gradients_pass_as_they_are(size):
  tx = clip_by_running_norm(2.0)
  _, state = tx.update(gradients(0, 3.0), tx.init(PARAMS))
  grads = gradients(1, size)
  updates, _ = tx.update(grads, state)
  chex.assert_trees_all_equal(updates, grads)


@pytest.mark.parametrize(('factor', 'decay'), [(2.0, 0.9), (1.2, 0.5)])
@pytest.mark.parametrize('seed', range(3))
def test_the_average_is_that_of_clipped_norms(seed, factor, decay):
  sizes = np.random.default_rng(seed).lognormal(0, 1.5, 30)
  tx = clip_by_running_norm(factor, decay)
  update = jax.jit(tx.update)
  state, average, clipped = tx.init(PARAMS), None, 0
  for i, size in enumerate(sizes):
    kept = size if average is None else min(size, factor * average)
    average = kept if average is None else decay * average + (1 - decay) * kept
    clipped += kept < size
    updates, state = update(gradients(i, size), state)
    np.testing.assert_allclose(norm(updates), kept, rtol=1e-4)
    np.testing.assert_allclose(state.average, average, rtol=1e-4)
  assert 0 < clipped < 29


@pytest.mark.parametrize('before', [(), (1.0,), (1.0, 0.0)])
def test_a_gradient_of_zero_stays_zero(before):
  tx = clip_by_running_norm()
  state = tx.init(PARAMS)
  for seed, size in enumerate(before):
    _, state = tx.update(gradients(seed, size), state)
  zeros = jax.tree.map(jnp.zeros_like, PARAMS)
  updates, state = tx.update(zeros, state)
  chex.assert_trees_all_equal(updates, zeros)
  chex.assert_tree_all_finite(state)


def test_a_first_gradient_of_zero_does_not_stop_the_others():
  tx = clip_by_running_norm()
  zeros = jax.tree.map(jnp.zeros_like, PARAMS)
  _, state = tx.update(zeros, tx.init(PARAMS))
  updates, _ = tx.update(gradients(0), state)
  assert norm(updates) > 0


def test_clipping_keeps_the_dtypes_of_gradients():
  tx = clip_by_running_norm()
  grads = jax.tree.map(lambda g: g.astype(jnp.bfloat16), gradients(0))
  updates, state = tx.update(grads, tx.init(PARAMS))
  chex.assert_trees_all_equal_dtypes(updates, grads)
  updates, _ = tx.update(grads, state)
  chex.assert_trees_all_equal_dtypes(updates, grads)


def test_clipping_stands_in_a_chain_in_a_compiled_scan():
  tx = optax.chain(clip_by_running_norm(2.0), optax.sgd(0.1, momentum=0.5))
  sizes = [1.0, 0.5, 40.0, 1.0, 3.0]
  grads = [gradients(i, size) for i, size in enumerate(sizes)]

  @jax.jit
  def train(params, grads):
    def step(carry, grads):
      params, state = carry
      updates, state = tx.update(grads, state, params)
      return (optax.apply_updates(params, updates), state), None

    return jax.lax.scan(step, (params, tx.init(params)), grads)[0]

  end, state = train(PARAMS, jax.tree.map(lambda *g: jnp.stack(g), *grads))
  clip, sgd = clip_by_running_norm(2.0), optax.sgd(0.1, momentum=0.5)
  params, clipping, momentum = PARAMS, clip.init(PARAMS), sgd.init(PARAMS)
  for g in grads:
    g, clipping = clip.update(g, clipping)
    updates, momentum = sgd.update(g, momentum, params)
    params = optax.apply_updates(params, updates)
  chex.assert_trees_all_close(end, params, rtol=1e-5)
  chex.assert_trees_all_close(state[0], clipping, rtol=1e-5)


def test_rows_that_are_held_stay_and_others_do_not_notice():
  still = np.array([False, True, False])
  params = {'x': jnp.ones((3, 2)), 'scale': jnp.ones(()), 'other': jnp.ones(2)}
  grads = jax.tree.map(lambda p: 2 * p, params)
  free, held = optax.sgd(0.1), optax.chain(optax.sgd(0.1), hold_rows(still))
  plain, _ = free.update(grads, free.init(params), params)
  new, _ = held.update(grads, held.init(params), params)
  np.testing.assert_array_equal(new['x'][1], 0)
  np.testing.assert_array_equal(new['x'][~still], plain['x'][~still])
  for name in ('scale', 'other'):
    np.testing.assert_array_equal(new[name], plain[name])
