"""Cases that the tests of regression share."""

from __future__ import annotations

from dataclasses import replace

from helpers import batch_of
import jax
import jax.numpy as jnp
import numpy as np
import optax

from rdd_jax import kernels, networks
from rdd_jax.core.batch import Batch
from rdd_jax.core.losses import SquaredError
from rdd_jax.core.measure import draw, empirical
from rdd_jax.core.risk import cvar, equal, mean, mix, worst
from rdd_jax.core.transform import (
  DataSpec,
  chain,
)
from rdd_jax.distill import distiller
from rdd_jax.objectives import (
  Inner,
  frepo,
  kip,
  pool,
  rcig,
  regression_matching,
  rfad,
)
from rdd_jax.robust import expose_outliers, tilt
from rdd_jax.synthetic.view import Synthetic, hard_targets, layout, view

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
  return batch_of(
    inputs=jax.random.normal(key, (n, *SHAPE)) + cells[:, None, None, None],
    targets=jax.nn.one_hot(cells, CLASSES),
    weights=jnp.ones(n) if weights is None else weights,
    cells=cells,
    index=jnp.arange(n),
  )


SMALL, REAL = batch(KEY, 6), batch(jax.random.key(4), 12)


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
