"""Laws of regression objectives: by hand, by dense solves, with every chain."""

from __future__ import annotations

from dataclasses import replace

import chex
import jax
from jax.flatten_util import ravel_pytree
import jax.numpy as jnp
import numpy as np
from objectives.regression_cases import (
  CLASSES,
  IPC,
  KERNEL,
  KEY,
  METHODS,
  REAL,
  SHAPE,
  SMALL,
  mlp,
  pooled,
)
import pytest

from rdd_jax import kernels, networks
from rdd_jax.core.batch import concat, take
from rdd_jax.core.losses import SquaredError, centered
from rdd_jax.objectives import (
  MarginLoss,
  frepo,
  kip,
  regression_matching,
  rfad,
)
from rdd_jax.objectives.base import Step
from rdd_jax.objectives.regression.rcig import of_hard_size, tangent_regression
from rdd_jax.synthetic.view import Synthetic, hard_targets, layout, view


def values(method, synthetic=SMALL, real=REAL, state=None, **options):
  found = regression_matching(method, CLASSES, CLASSES, **options)
  state = jax.jit(found.init)(KEY) if state is None else state
  run = jax.jit(lambda s, r: found.losses(s, Step(r, state, KEY)))
  return run(synthetic, real)


def by_hand(gram, cross, ridge):
  """Half the squared error of each cell, in float64."""
  gram, cross = np.asarray(gram, np.float64), np.asarray(cross, np.float64)
  y, t = (np.asarray(centered(b.targets), np.float64) for b in (SMALL, REAL))
  r = ridge * np.trace(gram) / len(gram)
  rows = cross @ np.linalg.solve(gram + r * np.eye(len(gram)), y) - t
  losses = 0.5 * (rows**2).sum(1)
  return [losses[np.asarray(REAL.cells) == c].mean() for c in range(CLASSES)]


@pytest.mark.parametrize('which', ['ntk', 'nngp'])
def test_kip_by_hand(which):
  k = getattr(KERNEL(SMALL.inputs), which)
  cross = getattr(KERNEL(REAL.inputs, SMALL.inputs), which)
  found, mass, metrics = values(kip(KERNEL, ridge=1e-3, which=which))
  np.testing.assert_allclose(found, by_hand(k, cross, 1e-3), rtol=1e-3)
  np.testing.assert_array_equal(mass, 4)
  assert not metrics['failed']


def test_frepo_by_hand_with_its_margin():
  net = mlp()
  method = frepo(net, pooled(net), ridge=1e-3)
  state = jax.jit(method.init)(KEY)
  first = jax.tree.map(lambda leaf: leaf[0], state.learners.variables)
  embed = jax.jit(lambda x: networks.apply(net, first, x).features)
  phi, target = embed(SMALL.inputs), embed(REAL.inputs)
  expected = by_hand(phi @ phi.T, target @ phi.T, 1e-3)
  found, _, _ = values(method, state=state)
  np.testing.assert_allclose(found, expected, rtol=1e-3)
  z = jnp.array([[0.5, 0.1, 0.0], [0.2, 0.1, 0.0], [0.5, 0.1, 0.0]])
  rows = replace(take(REAL, jnp.arange(3)), cells=jnp.array([0, 1, CLASSES]))
  less = SquaredError()(z, rows, CLASSES) - MarginLoss()(z, rows, CLASSES)
  np.testing.assert_allclose(less, [1 / 3, 0.1, 0.0], rtol=1e-5)


@pytest.mark.slow
def test_random_features_tend_to_the_kernel():
  wide = kernels.finite_fully_connected(1, 2048)
  found, _, _ = values(rfad(wide, SHAPE, number=8, ridge=0.1))
  nngp, _, _ = values(kip(KERNEL, ridge=0.1, which='nngp'))
  np.testing.assert_allclose(found, nngp, rtol=0.05)


def dense(net, variables, support, x, ridge):
  """Tangent regression with the whole kernel of all outputs, and one solve."""
  flat, rebuild = ravel_pytree(variables['params'])

  def jacobian(x):
    def logits(p):
      given = {**variables, 'params': rebuild(p)}
      return networks.apply(net, given, x).logits

    return jax.jacobian(logits)(flat).reshape(-1, flat.size)

  j, w = jacobian(support.inputs), jnp.repeat(support.weights, CLASSES)
  phi = networks.apply(net, variables, support.inputs).features
  diagonal = support.weights * ((phi**2).sum(1) + 1)
  r = ridge * diagonal.sum() / support.weights.sum()
  gram = j @ j.T + jnp.diag(r / w)
  z = jnp.linalg.solve(gram, centered(support.targets).ravel())
  return (jacobian(x) @ (j.T @ z)).reshape(-1, CLASSES)


def test_implicit_gradient_is_that_of_a_dense_solve():
  net = mlp()
  variables = networks.init(net, KEY, SHAPE)
  weights = jnp.array([1, 0.5, 2, 1, 1, 0.3])

  def loss(predict, images, targets):
    support = replace(SMALL, inputs=images, targets=targets, weights=weights)
    return jnp.sum(jnp.sin(predict(support)))

  def ours(support):
    return tangent_regression(net, variables, 0.1, 50)(support)[0](REAL.inputs)

  def exact(support):
    return dense(net, variables, support, REAL.inputs, 0.1)

  support = replace(SMALL, weights=weights)
  chex.assert_trees_all_close(
    jax.jit(ours)(support), jax.jit(exact)(support), atol=1e-4
  )
  found, expected = (
    jax.jit(jax.grad(lambda *a, f=f: loss(f, *a), (0, 1)))(
      SMALL.inputs, SMALL.targets
    )
    for f in (ours, exact)
  )
  chex.assert_trees_all_close(found, expected, rtol=1e-2, atol=1e-3)


def test_a_temperature_is_a_scale_of_labels():
  """Predictions are linear in centered labels: the view may hold it."""
  cells = layout(CLASSES, IPC)
  seen = view(cells, hard_targets(cells, CLASSES, CLASSES), free=True)
  params = Synthetic(SMALL.inputs, SMALL.targets, log_scale=jnp.log(3.0))
  scaled, plain = seen(params), seen(replace(params, log_scale=None))
  np.testing.assert_array_equal(plain.targets, SMALL.targets)
  np.testing.assert_allclose(
    centered(scaled.targets), 3 * centered(plain.targets), rtol=1e-5
  )
  net = mlp()
  variables = networks.init(net, KEY, SHAPE)
  for regress in (
    kip(KERNEL).regression(()),
    tangent_regression(net, variables, 0.1, 50),
  ):
    run = jax.jit(lambda s, r=regress: r(s)[0](REAL.inputs))
    np.testing.assert_allclose(run(scaled), 3 * run(plain), 1e-2, 1e-3)
  np.testing.assert_allclose(
    of_hard_size(scaled.targets), plain.targets, atol=1e-5
  )


@pytest.mark.parametrize('name', ['kip', 'rcig'])
def test_weights_count_rows(name):
  """A row of weight 2 is two rows, and one of weight 0 is none."""
  rows = take(SMALL, jnp.array([0, 1, 2, 3, 4, 5, 0]))
  found = regression_matching(METHODS[name](mlp()), CLASSES, CLASSES)
  state = jax.jit(found.init)(KEY)

  @jax.jit
  def run(weights):
    synthetic = replace(rows, weights=weights)
    return found.losses(synthetic, Step(REAL, state, KEY))[0]

  once = run(jnp.array([2.0, 1, 1, 1, 1, 1, 0]))
  often = run(jnp.array([1.0, 1, 1, 1, 1, 1, 1]))
  other = run(jnp.array([1.0, 1, 1, 1, 1, 1, 0]))
  np.testing.assert_allclose(once, often, rtol=2e-3)
  assert jnp.abs(other - often).max() > 1e-3


def test_mirror_images_are_rows_too():
  method = kip(KERNEL)
  both = concat(SMALL, replace(SMALL, inputs=SMALL.inputs[:, :, ::-1]))
  chex.assert_trees_all_close(
    values(method, mirror=True)[0], values(method, both)[0], rtol=1e-5
  )


def test_no_gradient_passes_the_features_of_real_rows():
  net = mlp()
  found = regression_matching(frepo(net, pooled(net)), CLASSES, CLASSES)
  state = jax.jit(found.init)(KEY)

  def loss(images):
    real = replace(REAL, inputs=images)
    return found.losses(SMALL, Step(real, state, KEY))[0]

  jacobian = jax.jit(jax.jacrev(loss))(REAL.inputs)
  np.testing.assert_array_equal(jacobian, 0)
