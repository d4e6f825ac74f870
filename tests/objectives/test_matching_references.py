"""Gradient and distribution matching beside NumPy and differences."""

from __future__ import annotations

from dataclasses import replace

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
from marks import slow_but
import numpy as np
from objectives.matching_cases import (
  CLASSES,
  FAMILY,
  KEY,
  SHAPE,
  Case,
  convnet,
  dm,
  gm,
  hidden,
  rows,
  synthetic_rows,
)
import pytest

from rdd_jax import networks
from rdd_jax.core.risk import evaluate, mean
from rdd_jax.images.augment import dsa
from rdd_jax.objectives.base import Step
from rdd_jax.objectives.gradient import DISTANCES, cosine


def mlp() -> nn.Module:
  return networks.build('mlp', CLASSES, width=5, depth=2)


def as_float64(tree):
  return jax.tree.map(
    lambda leaf: (
      jnp.asarray(np.asarray(leaf, np.float64))
      if jnp.issubdtype(leaf.dtype, jnp.floating)
      else leaf
    ),
    tree,
  )


def in_numpy(tree):
  return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), tree)


def mean_features(params, batch, member):
  _, h = hidden(params, np.asarray(batch.inputs)[member])
  return np.average(h, 0, np.asarray(batch.weights)[member])


def loss_gradients(params, batch, member):
  """Kernel gradients of the weighted cross-entropy, by hand."""
  x, h = hidden(params, np.asarray(batch.inputs)[member])
  w = np.asarray(batch.weights)[member]
  last = params['Dense_1']
  z = h @ last['kernel'] + last['bias']
  p = np.exp(z - z.max(1, keepdims=True))
  p /= p.sum(1, keepdims=True)
  t = np.asarray(batch.targets)[member]  # Sums to one in float32 alone.
  dz = (t.sum(1, keepdims=True) * p - t) * (w / w.sum())[:, None]
  dh = (dz @ last['kernel'].T) * (h > 0)
  return x.T @ dh, h.T @ dz


def column_cosines(a, b):
  norms = np.linalg.norm(a, axis=0) * np.linalg.norm(b, axis=0)
  return np.sum(1 - (a * b).sum(0) / (norms + 1e-6))


@pytest.mark.parametrize('seed', slow_but((0,), range(3)))
def test_dm_is_its_numpy_reference(seed):
  with jax.enable_x64(True):
    objective = dm(mlp())
    real, synthetic = as_float64((rows(seed, 20), synthetic_rows(seed + 5)))
    state = as_float64(objective.init(jax.random.key(seed)))
    values, *_ = jax.jit(objective.losses)(
      synthetic, Step(real, state, jax.random.key(0))
    )
    params = in_numpy(state['params'])
    expected = [
      np.sum(
        (
          mean_features(params, synthetic, np.asarray(synthetic.cells) == c)
          - mean_features(params, real, np.asarray(real.cells) == c)
        )
        ** 2
      )
      for c in range(CLASSES)
    ]
    np.testing.assert_allclose(values, expected, rtol=1e-8)


@pytest.mark.parametrize('seed', range(3))
def test_gm_is_its_numpy_reference(seed):
  with jax.enable_x64(True):
    objective = gm(mlp())
    real, synthetic = as_float64((rows(seed, 20), synthetic_rows(seed + 5)))
    state = as_float64(objective.init(jax.random.key(seed)))
    values, *_ = jax.jit(objective.losses)(
      synthetic, Step(real, state, jax.random.key(0))
    )
    params = in_numpy(state.learner.variables['params'])
    expected = []
    for c in range(CLASSES):
      ours = loss_gradients(params, synthetic, np.asarray(synthetic.cells) == c)
      theirs = loss_gradients(params, real, np.asarray(real.cells) == c)
      expected.append(sum(map(column_cosines, ours, theirs)))
    np.testing.assert_allclose(values, expected, rtol=1e-8)


@pytest.mark.parametrize('family', FAMILY)
def test_gradient_to_the_images_is_that_of_finite_differences(family):
  with jax.enable_x64(True):
    objective = FAMILY[family](
      convnet(width=3, depth=1, activation='softplus'),
      augment=dsa(('color', 'crop', 'cutout'), siamese=True, convention='idc'),
    )
    state = as_float64(objective.init(jax.random.key(2)))
    real, synthetic = as_float64((rows(6, 12), synthetic_rows()))

    @jax.jit
    @jax.value_and_grad
    def loss(images):
      values, mass, _ = objective.losses(
        replace(synthetic, inputs=images),
        Step(real, state, jax.random.key(3)),
      )
      return evaluate(mean(), values, mass)

    images = synthetic.inputs
    grad = np.asarray(loss(images)[1])
    chex.assert_tree_all_finite(grad)
    assert (grad != 0).any((1, 2, 3)).all()
    rng = np.random.default_rng(0)
    for _ in range(3):
      step = 1e-5 * rng.normal(size=images.shape)
      slope = (loss(images + step)[0] - loss(images - step)[0]) / 2
      np.testing.assert_allclose((grad * step).sum(), slope, rtol=1e-5)


@pytest.mark.parametrize('family', FAMILY)
def test_gradient_is_finite_where_units_are_dead(family):
  """Blank images, no bias above zero: columns of the gradient are zero."""
  objective = FAMILY[family](mlp())
  state = objective.init(KEY)
  state = jax.tree.map(
    lambda leaf: (
      jnp.asarray(np.where(leaf.ndim == 1, np.float32(-1), leaf))
      if jnp.issubdtype(leaf.dtype, jnp.floating)
      else leaf
    ),
    state,
  )
  synthetic = replace(synthetic_rows(), inputs=jnp.zeros((6, *SHAPE)))

  @jax.jit
  @jax.grad
  def grad(images):
    values, *_ = objective.losses(
      replace(synthetic, inputs=images),
      Step(rows(7, 12), state, KEY),
    )
    return values.sum()

  chex.assert_tree_all_finite(grad(synthetic.inputs))


@pytest.mark.parametrize('family', FAMILY)
def test_an_empty_cell_has_no_mass_and_harms_no_other(family):
  case = Case(FAMILY[family](mlp()))
  real = rows(8, 18, np.arange(18) % 2)
  synthetic = synthetic_rows()

  @jax.jit
  @jax.value_and_grad
  def loss(images):
    synthetic_ = replace(synthetic, inputs=images)
    return evaluate(mean(), *case(synthetic_, real)[:2])

  value, grad = jax.tree.map(np.asarray, loss(synthetic.inputs))
  chex.assert_tree_all_finite((value, grad))
  np.testing.assert_array_equal(grad[4:], 0)
  assert (np.abs(grad[:4]).sum((1, 2, 3)) > 0).all()


def test_batch_statistics_are_those_of_the_cell():
  """Each cell half full: what fills the rest comes from no other cell."""
  net = convnet(width=2, depth=1, norm='batch')
  case = Case(gm(net, synthetic_rows=2))
  real = rows(9, 18, np.repeat(range(CLASSES), 6))
  synthetic = synthetic_rows()
  values, *_ = case(synthetic, real)
  others = 9 * (np.asarray(real.cells) > 0)[:, None, None, None]
  after, *_ = case(
    synthetic, replace(real, inputs=real.inputs + np.float32(others))
  )
  np.testing.assert_allclose(after[0], values[0], rtol=1e-5)
  full = Case(gm(net, real_rows=6, synthetic_rows=2))
  np.testing.assert_allclose(full(synthetic, real)[0], values, rtol=1e-3)


def gradients(seed: int):
  rng = np.random.default_rng(seed)
  return {
    'conv': rng.normal(size=(3, 3, 2, 4)).astype(np.float32),
    'head': rng.normal(size=(6, 3)).astype(np.float32),
    'bias': rng.normal(size=3).astype(np.float32),
  }


@pytest.mark.parametrize('seed', range(3))
def test_distances_by_hand(seed):
  a, b = gradients(seed), gradients(seed + 10)
  np.testing.assert_allclose(
    jax.jit(DISTANCES['cosine'])(a, b),
    column_cosines(a['head'], b['head'])
    + column_cosines(a['conv'].reshape(-1, 4), b['conv'].reshape(-1, 4)),
    rtol=1e-5,
  )
  difference = a['conv'] - b['conv']
  np.testing.assert_allclose(
    jax.jit(DISTANCES['mse'])(a, b), (difference**2).sum(), rtol=1e-5
  )
  np.testing.assert_allclose(
    jax.jit(DISTANCES['l1'])(a, b), np.abs(difference).sum(), rtol=1e-5
  )


@pytest.mark.parametrize('name', DISTANCES)
def test_distances_are_distances(name):
  a, b = gradients(0), gradients(1)
  distance = jax.jit(DISTANCES[name])
  assert float(distance(a, a)) < 1e-5 < float(distance(a, b))
  np.testing.assert_allclose(distance(a, b), distance(b, a), rtol=1e-6)


def test_cosine_ignores_the_length_of_each_output():
  a, b = gradients(2), gradients(3)
  scaled = {**a, 'head': a['head'] * np.array([[1, 10, 100]], np.float32)}
  compiled = jax.jit(cosine)
  np.testing.assert_allclose(compiled(scaled, b), compiled(a, b), rtol=1e-5)


def test_dm_draws_a_new_network_each_step():
  objective = dm(mlp())
  state = objective.init(KEY)

  @jax.jit
  def advance(state, key):
    step = Step(rows(0, 9), state, key)
    return objective.advance(rows(0, 9), step)[0]

  one, two = jax.random.key(1), jax.random.key(2)
  new = advance(state, one)
  again, other = advance(new, one), advance(new, two)
  chex.assert_trees_all_equal(new, again)
  kernels = [s['params']['Dense_0']['kernel'] for s in (state, new, other)]
  assert len({float(np.sum(k)) for k in kernels}) == 3
