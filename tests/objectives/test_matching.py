"""Laws of gradient and distribution matching, and NumPy references of both."""

from __future__ import annotations

from dataclasses import replace

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
from marks import slow_but
import numpy as np
import optax
import pytest

from rdd_jax import networks
from rdd_jax.core.batch import NOWHERE, Batch, concat, take
from rdd_jax.core.risk import evaluate, mean
from rdd_jax.images.augment import dsa
from rdd_jax.objectives import Inner, distribution_matching, gradient_matching
from rdd_jax.objectives.base import Step
from rdd_jax.objectives.gradient import DISTANCES, cosine

SHAPE, CLASSES = (8, 8, 1), 3
KEY = jax.random.key(0)
FAMILIES = ('color', 'crop', 'cutout', 'flip', 'scale', 'rotate')


def convnet(width: int = 4, depth: int = 2, **options) -> nn.Module:
  return networks.build('convnet', CLASSES, width=width, depth=depth, **options)


def mlp() -> nn.Module:
  return networks.build('mlp', CLASSES, width=5, depth=2)


def rows(seed: int, n: int, cells=None) -> Batch:
  """`n` rows with soft targets and uneven weights."""
  rng = np.random.default_rng(seed)
  cells = rng.integers(0, CLASSES, n) if cells is None else cells
  return Batch(
    inputs=jnp.asarray(rng.normal(size=(n, *SHAPE)), jnp.float32),
    targets=jnp.asarray(rng.dirichlet(np.ones(CLASSES), n), jnp.float32),
    weights=jnp.asarray(rng.uniform(0.2, 2, n), jnp.float32),
    cells=jnp.asarray(cells, jnp.int32),
    groups=jnp.full(n, -1, jnp.int32),
    index=jnp.full(n, NOWHERE, jnp.int32),
  )


def synthetic_rows(seed: int = 9, ipc: int = 2) -> Batch:
  return rows(seed, CLASSES * ipc, np.repeat(range(CLASSES), ipc))


def dm(net: nn.Module, real_rows: int = 12, synthetic_rows: int = 4, **options):
  return distribution_matching(
    net,
    SHAPE,
    CLASSES,
    real_rows=real_rows,
    synthetic_rows=synthetic_rows,
    **options,
  )


def gm(net: nn.Module, real_rows: int = 12, synthetic_rows: int = 4, **options):
  return gradient_matching(
    net,
    SHAPE,
    CLASSES,
    CLASSES,
    real_rows=real_rows,
    synthetic_rows=synthetic_rows,
    inner=Inner(optax.sgd(0.1), steps=2, batch_size=4),
    outer=3,
    **options,
  )


FAMILY = {'dm': dm, 'gm': gm}


class Case:
  """An objective at one state, compiled once for all tests of a module."""

  def __init__(self, objective):
    self.state = objective.init(jax.random.key(1))
    self.losses = jax.jit(
      lambda synthetic, real, key: objective.losses(
        synthetic, Step(real, self.state, key)
      )
    )

  def __call__(self, synthetic: Batch, real: Batch, key=KEY):
    return self.losses(synthetic, real, key)


@pytest.fixture(scope='module', params=FAMILY)
def case(request) -> Case:
  return Case(FAMILY[request.param](convnet()))


@pytest.mark.parametrize('seed', range(2))
def test_order_of_rows_does_not_matter(case, seed):
  real, synthetic = rows(seed, 18), synthetic_rows()
  rng = np.random.default_rng(seed)
  moved = (
    take(synthetic, rng.permutation(6)),
    take(real, rng.permutation(18)),
  )
  for ours, theirs in zip(case(synthetic, real), case(*moved), strict=True):
    chex.assert_trees_all_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_masked_rows_do_not_matter(case):
  real, synthetic = rows(0, 18), synthetic_rows()
  masked = jnp.arange(18) % 3 == 2
  inputs = jnp.where(masked[:, None, None, None], 50.0, real.inputs)
  hidden = replace(
    real, inputs=inputs, weights=jnp.where(masked, 0.0, real.weights)
  )
  values, mass, metrics = case(synthetic, hidden)
  expected, expected_mass, _ = case(
    synthetic, take(real, np.flatnonzero(~np.asarray(masked)))
  )
  np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-6)
  np.testing.assert_allclose(mass, expected_mass, rtol=1e-6)
  assert float(metrics['unmatched']) < 1e-6


def test_cells_come_in_the_order_of_classes(case):
  real, synthetic = rows(1, 18), synthetic_rows()
  values, mass, _ = case(synthetic, real)
  np.testing.assert_allclose(
    mass, np.bincount(real.cells, real.weights, CLASSES), rtol=1e-5
  )
  for cell in range(CLASSES):
    alone, alone_mass, _ = case(
      replace(
        synthetic,
        weights=jnp.where(synthetic.cells == cell, synthetic.weights, 0.0),
      ),
      replace(real, weights=jnp.where(real.cells == cell, real.weights, 0.0)),
    )
    np.testing.assert_allclose(alone[cell], values[cell], rtol=1e-4)
    assert np.flatnonzero(alone_mass).tolist() == [cell]


def test_a_relabelled_row_moves_to_its_new_cell(case):
  real, synthetic = rows(2, 18, np.arange(18) % 3), synthetic_rows()
  before, old, _ = case(synthetic, real)
  moved = replace(real, cells=real.cells.at[0].set(1))
  after, new, _ = case(synthetic, moved)
  w = float(real.weights[0])
  np.testing.assert_allclose(new - old, [-w, w, 0], atol=1e-5)
  assert (after[:2] != before[:2]).all()
  np.testing.assert_allclose(after[2], before[2], rtol=1e-6)


def test_unmatched_is_the_mass_beyond_the_room_and_the_cells(case):
  synthetic = synthetic_rows()
  cells = np.array([0] * 15 + [1] * 3)
  real = replace(rows(3, 18, cells), weights=jnp.ones(18))
  _, mass, metrics = case(synthetic, real)
  np.testing.assert_array_equal(mass, [12, 3, 0])
  np.testing.assert_allclose(metrics['unmatched'], 3 / 18, rtol=1e-6)
  outside = replace(real, cells=real.cells.at[-1].set(CLASSES))
  _, mass, metrics = case(synthetic, outside)
  np.testing.assert_array_equal(mass, [12, 2, 0])
  np.testing.assert_allclose(metrics['unmatched'], 4 / 18, rtol=1e-6)


def test_the_first_rows_of_a_cell_are_those_that_fit(case):
  real = rows(4, 18, np.zeros(18, int))
  values, _, _ = case(synthetic_rows(), real)
  first = replace(
    real, weights=jnp.where(jnp.arange(18) < 12, real.weights, 0.0)
  )
  chex.assert_trees_all_equal(values, case(synthetic_rows(), first)[0])


def test_the_unit_of_weight_does_not_matter(case):
  real, synthetic = rows(5, 18), synthetic_rows()
  scaled = replace(real, weights=4 * real.weights)
  np.testing.assert_allclose(
    case(synthetic, scaled)[0], case(synthetic, real)[0], rtol=1e-5
  )


SIAMESE = {'plain': None, 'siamese': dsa(FAMILIES, siamese=True)}


@pytest.mark.parametrize('family', FAMILY)
@pytest.mark.parametrize('augment', slow_but(('siamese',), SIAMESE))
def test_values_vanish_where_the_measures_are_the_same(family, augment):
  """Twice as many real rows, each with half the weight: the same measure."""
  synthetic = synthetic_rows(ipc=3)
  real = concat(synthetic, synthetic)
  real = replace(real, weights=real.weights / 2)
  same = Case(FAMILY[family](convnet(3, 1), augment=SIAMESE[augment]))
  other = rows(11, 18, np.repeat(range(CLASSES), 6))
  for seed in range(4):
    key = jax.random.key(seed)
    values, *_ = same(synthetic, real, key)
    scale, *_ = same(synthetic, other, key)
    assert (values >= 0).all()
    assert (values < 1e-3 * scale).all(), (values, scale)


def test_only_siamese_augmentation_sees_both_alike():
  synthetic = synthetic_rows(ipc=3)
  real = concat(synthetic, synthetic)
  apart = Case(dm(convnet(3, 1), augment=dsa(('crop',), siamese=False)))
  assert (apart(synthetic, real)[0] > 1e-3).all()


def as_float64(tree):
  return jax.tree.map(
    lambda leaf: (
      leaf.astype(jnp.float64)
      if jnp.issubdtype(leaf.dtype, jnp.floating)
      else leaf
    ),
    tree,
  )


def in_numpy(tree):
  return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), tree)


def hidden(params, x):
  x = x.reshape(len(x), -1)
  return x, np.maximum(
    x @ params['Dense_0']['kernel'] + params['Dense_0']['bias'], 0
  )


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
    values, *_ = objective.losses(
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
    values, *_ = objective.losses(
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
    _, grad = loss(images)
    chex.assert_tree_all_finite(grad)
    assert (grad != 0).any((1, 2, 3)).all()
    rng = np.random.default_rng(0)
    for _ in range(3):
      step = 1e-5 * jnp.asarray(rng.normal(size=images.shape))
      slope = (loss(images + step)[0] - loss(images - step)[0]) / 2
      np.testing.assert_allclose((grad * step).sum(), slope, rtol=1e-5)


@pytest.mark.parametrize('family', FAMILY)
def test_gradient_is_finite_where_units_are_dead(family):
  """Blank images, no bias above zero: columns of the gradient are zero."""
  objective = FAMILY[family](mlp())
  state = objective.init(KEY)
  state = jax.tree.map(
    lambda leaf: (
      jnp.where(leaf.ndim == 1, -1.0, leaf)
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
  value, grad = jax.value_and_grad(
    lambda images: evaluate(
      mean(), *case(replace(synthetic, inputs=images), real)[:2]
    )
  )(synthetic.inputs)
  chex.assert_tree_all_finite((value, grad))
  np.testing.assert_array_equal(grad[4:], 0)
  assert (jnp.abs(grad[:4]).sum((1, 2, 3)) > 0).all()


def test_batch_statistics_are_those_of_the_cell():
  """Each cell half full: what fills the rest comes from no other cell."""
  net = convnet(width=2, depth=1, norm='batch')
  case = Case(gm(net, synthetic_rows=2))
  real = rows(9, 18, np.repeat(range(CLASSES), 6))
  synthetic = synthetic_rows()
  values, *_ = case(synthetic, real)
  others = jnp.where((real.cells > 0)[:, None, None, None], 9.0, 0.0)
  after, *_ = case(synthetic, replace(real, inputs=real.inputs + others))
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
    DISTANCES['cosine'](a, b),
    column_cosines(a['head'], b['head'])
    + column_cosines(a['conv'].reshape(-1, 4), b['conv'].reshape(-1, 4)),
    rtol=1e-5,
  )
  difference = a['conv'] - b['conv']
  np.testing.assert_allclose(
    DISTANCES['mse'](a, b), (difference**2).sum(), rtol=1e-5
  )
  np.testing.assert_allclose(
    DISTANCES['l1'](a, b), np.abs(difference).sum(), rtol=1e-5
  )


@pytest.mark.parametrize('name', DISTANCES)
def test_distances_are_distances(name):
  a, b = gradients(0), gradients(1)
  distance = DISTANCES[name]
  assert float(distance(a, a)) < 1e-5 < float(distance(a, b))
  np.testing.assert_allclose(distance(a, b), distance(b, a), rtol=1e-6)


def test_cosine_ignores_the_length_of_each_output():
  a, b = gradients(2), gradients(3)
  scaled = {**a, 'head': a['head'] * np.array([[1, 10, 100]], np.float32)}
  np.testing.assert_allclose(cosine(scaled, b), cosine(a, b), rtol=1e-5)


def test_dm_draws_a_new_network_each_step():
  objective = dm(mlp())
  state = objective.init(KEY)

  def advance(state, seed):
    step = Step(rows(0, 9), state, jax.random.key(seed))
    return objective.advance(rows(0, 9), step)[0]

  new = advance(state, 1)
  again, other = advance(new, 1), advance(new, 2)
  chex.assert_trees_all_equal(new, again)
  kernels = [s['params']['Dense_0']['kernel'] for s in (state, new, other)]
  assert len({float(k.sum()) for k in kernels}) == 3
