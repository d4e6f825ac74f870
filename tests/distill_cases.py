"""Cases that the tests of distill share."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax

from rdd_jax import networks
from rdd_jax.core.batch import Batch
from rdd_jax.core.measure import by_cell, draw, empirical
from rdd_jax.core.transform import (
  DataSpec,
)
from rdd_jax.distill import Distiller, distiller
from rdd_jax.objectives import Inner, distribution_matching, gradient_matching
from rdd_jax.synthetic.view import Synthetic, hard_targets, layout, view
from rdd_jax.training.probe import probe

SHAPE, CLASSES, GROUPS, IPC, N = (8, 8, 1), 3, 2, 2, 60


KEY = jax.random.key(3)


NET = networks.build('mlp', CLASSES, width=6, depth=2)


def spec_of(slots: int = 0) -> DataSpec:
  return DataSpec(N, CLASSES, CLASSES, CLASSES + slots, GROUPS)


def dm(net=NET, slots: int = 0):
  return distribution_matching(
    net, SHAPE, CLASSES + slots, real_rows=24, synthetic_rows=IPC
  )


def gm(net=NET, slots: int = 0, *, outer: int = 3, **inner):
  inner = {'steps': 2, 'batch_size': 4, **inner}
  return gradient_matching(
    net,
    SHAPE,
    CLASSES,
    CLASSES + slots,
    real_rows=24,
    synthetic_rows=IPC,
    inner=Inner(optax.sgd(0.1), **inner),
    outer=outer,
  )


FAMILY = {'dm': dm, 'gm': gm}


def data() -> tuple:
  rng = np.random.default_rng(0)
  labels = np.arange(N) % CLASSES
  groups = rng.choice(GROUPS, N, p=[0.8, 0.2])
  centres = rng.normal(size=(CLASSES, *SHAPE))
  images = centres[labels] + 0.3 * rng.normal(size=(N, *SHAPE))
  return jnp.asarray(images, jnp.float32), empirical(labels, CLASSES, groups)


IMAGES, MEASURE = data()


STRATA = by_cell(CLASSES)
drawn = jax.jit(draw, static_argnums=(3, 4))


def real(step: int, n: int = 24) -> Batch:
  key = jax.random.fold_in(jax.random.key(42), step)
  return drawn(key, IMAGES, MEASURE, n, STRATA)


REAL = [real(step) for step in range(6)]


def build(objective, slots: int = 0, lr: float = 0.1, **options) -> Distiller:
  cells = layout(CLASSES, IPC, slots)
  seen = view(cells, hard_targets(cells, CLASSES, CLASSES), num_classes=CLASSES)
  return distiller(objective, optax.sgd(lr), seen, **options)


def start(d: Distiller, slots: int = 0, view_slots: int | None = None):
  n = (CLASSES + (slots if view_slots is None else view_slots)) * IPC
  images = jax.random.normal(jax.random.key(8), (n, *SHAPE))
  return d.init(KEY, spec_of(slots), Synthetic(images, None), MEASURE)


def run(d: Distiller, steps: int, slots: int = 0, update=None):
  update, state, losses = update or jax.jit(d.update), start(d, slots), []
  for step in range(steps):
    state, metrics = update(state, REAL[step])
    losses.append(metrics['loss'])
  return state, jnp.stack(losses), update


def scorer():
  return probe(NET, optax.sgd(0.1), SHAPE, CLASSES)
