"""Laws of regression objectives: by hand, by dense solves, with every chain."""

from __future__ import annotations

from dataclasses import replace

import chex
import jax
from jax.flatten_util import ravel_pytree
import jax.numpy as jnp
from marks import slow_but
import numpy as np
import optax
import pytest

from rdd_jax import kernels, networks
from rdd_jax.core.batch import Batch, concat, take
from rdd_jax.core.losses import SquaredError, centered, cross_entropy
from rdd_jax.core.measure import draw, empirical
from rdd_jax.core.risk import cvar, equal, mean, mix, worst
from rdd_jax.core.transform import (
  DataSpec,
  chain,
)
from rdd_jax.distill import distiller
from rdd_jax.objectives import (
  Inner,
  MarginLoss,
  frepo,
  kip,
  pool,
  rcig,
  regression_matching,
  rfad,
)
from rdd_jax.objectives.base import Step
from rdd_jax.objectives.regression.rcig import of_hard_size, tangent_regression
from rdd_jax.robust import expose_outliers, tilt
from rdd_jax.synthetic.view import Synthetic, hard_targets, layout, view
from rdd_jax.training import sgd

SHAPE, CLASSES, GROUPS, IPC, N = (4, 4, 1), 3, 2, 2, 60
KEY = jax.random.key(3)
KERNEL = kernels.fully_connected(1)


def mlp(outputs=CLASSES):
  return networks.build('mlp', outputs, width=8, depth=2)


def pooled(net, size=3, lifetime=4, steps=1, tx=optax.adam(1e-2)):
  inner = Inner(tx, steps=steps, batch_size=99, losses=SquaredError())
  return pool(net, inner, SHAPE, CLASSES, size=size, lifetime=lifetime)


METHODS = {
  'kip': lambda net: kip(KERNEL, ridge=0.1),
  'frepo': lambda net: frepo(net, pooled(net), ridge=1e-3),
  'rfad': lambda net: rfad(
    kernels.finite_fully_connected(1, 16), SHAPE, number=2
  ),
  'rcig': lambda net: rcig(net, pooled(net), ridge=1e-1),
}


def objective(name, slots=0, outputs=CLASSES, **options):
  method = METHODS[name](mlp(outputs))
  return regression_matching(method, CLASSES, CLASSES + slots, **options)


def batch(key, n, weights=None) -> Batch:
  cells = jnp.arange(n) % CLASSES
  return Batch(
    inputs=jax.random.normal(key, (n, *SHAPE)) + cells[:, None, None, None],
    targets=jax.nn.one_hot(cells, CLASSES),
    weights=jnp.ones(n) if weights is None else weights,
    cells=cells,
    groups=jnp.full(n, -1),
    index=jnp.arange(n),
  )


SMALL, REAL = batch(KEY, 6), batch(jax.random.key(4), 12)


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


def test_a_pool_trains_ages_and_renews_its_networks():
  net, tx = mlp(), optax.adam(1e-2)
  made = pooled(net, size=3, lifetime=4, tx=tx)
  state = jax.jit(made.init)(KEY)
  np.testing.assert_array_equal(state.ages, [0, 1, 2])
  advance = jax.jit(made.advance)
  step_of = jax.jit(
    lambda old: sgd.step(net, tx, old, SMALL, CLASSES, losses=SquaredError())
  )
  for step in range(12):
    key = jax.random.fold_in(KEY, step)
    old, put, age = made.current(state), state.picked, state.ages[state.picked]
    new, _ = advance(SMALL, Step(REAL, state, key))
    chex.assert_trees_all_equal_shapes_and_dtypes(new, state)
    others = np.flatnonzero(np.arange(3) != put)
    chex.assert_trees_all_equal(
      take(new.learners, others), take(state.learners, others)
    )
    changed = take(new.learners, put)
    if age + 1 > 4:
      assert new.ages[put] == 0
      np.testing.assert_array_equal(changed.opt[0].count, 0)
    else:
      assert new.ages[put] == age + 1
      chex.assert_trees_all_close(changed, step_of(old), atol=1e-6)
    state = new
  assert len({int(a) for a in state.ages}) > 1


IMAGES, MEASURE = (
  jax.random.normal(KEY, (N, *SHAPE)),
  empirical(np.arange(N) % CLASSES, CLASSES, np.arange(N) % 7 % GROUPS),
)


REALS = [
  draw(jax.random.fold_in(KEY, step), IMAGES, MEASURE, 12) for step in range(8)
]


def everything(slots):
  outliers = expose_outliers(
    lambda key, pixels: jax.random.permutation(key, pixels, axis=1),
    CLASSES,
    to_pixels=jax.nn.sigmoid,
    to_inputs=lambda p: 4 * p - 2,
    slots=slots,
    rows=6,
  )
  risk = mix((0.5, equal()), (0.5, worst()))
  tilted = tilt(risk, GROUPS, within=cvar(0.5))
  return {
    'transform': chain(outliers=outliers),
    'student': chain(outliers=outliers, risk=tilted),
  }


def run(name, steps, *, chains=False, reject=0, lr=0.05, **options):
  slots, outputs = int(chains), CLASSES + reject
  cells = layout(CLASSES, IPC, slots)
  targets = hard_targets(cells, CLASSES, outputs)
  d = distiller(
    objective(name, slots, outputs, **options),
    optax.adam(lr),
    view(cells, targets, num_classes=CLASSES, free=True),
    risk=mean(),
    **(everything(slots) if chains else {}),
  )
  images = jax.random.normal(KEY, (len(cells), *SHAPE))
  params = Synthetic(images, jnp.asarray(targets), log_scale=jnp.zeros([]))
  measure = replace(MEASURE, targets=jnp.eye(outputs)[MEASURE.cells])
  spec = DataSpec(N, CLASSES, outputs, CLASSES + slots, GROUPS)
  state = jax.jit(d.init, static_argnums=1)(KEY, spec, params, measure)
  losses = []
  update = jax.jit(d.update)
  for step in range(steps):
    real = REALS[step % 8]
    targets = jnp.pad(real.targets, ((0, 0), (0, reject)))
    state, metrics = update(state, replace(real, targets=targets))
    losses.append(metrics['loss'])
  return state, jnp.stack(losses), update


@pytest.mark.parametrize('name', slow_but(('frepo',), METHODS))
def test_every_chain_goes_with_every_method(name):
  """Outliers in two places, risks, learned labels and scale, a reject class."""
  loss = cross_entropy if name in ('rfad', 'rcig') else SquaredError()
  _, losses, update = run(name, 30, chains=True, reject=1, losses=loss)
  assert update._cache_size() == 1
  # Medians: a network just drawn may be far from what regression needs.
  assert jnp.median(losses[-10:]) < 0.95 * jnp.median(losses[:5])


def test_outliers_of_a_student_are_to_be_no_class():
  """Rows of weight and of uniform target pull predictions to zero there."""
  outliers = replace(
    SMALL, inputs=SMALL.inputs + 9, targets=jnp.full((6, CLASSES), 1 / CLASSES)
  )
  near = SMALL.inputs + 9.1

  def size(support):
    predict, _ = kip(KERNEL).regression(())(support)
    return jnp.abs(predict(near)).mean()

  size = jax.jit(size)

  assert size(concat(SMALL, outliers)) < 0.2 * size(SMALL)
