"""Cases that the tests of trajectory share."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import jax
import numpy as np
import optax

from rdd_jax import networks
from rdd_jax.core.batch import Batch
from rdd_jax.core.measure import by_cell, draw, empirical
from rdd_jax.objectives import (
  Inner,
)
from rdd_jax.synthetic.view import Synthetic, hard_targets, layout, view

SHAPE, CLASSES, GROUPS, IPC, N = (8, 8, 1), 3, 2, 2, 60


KEY = jax.random.key(0)


NET = networks.build('mlp', CLASSES, width=5, depth=2)


SGD = Inner(optax.sgd(1.0), steps=4, batch_size=100)


@cache
def rows(seed: int = 9, slots: int = 0) -> Batch:
  cells = layout(CLASSES, IPC, slots)
  targets = hard_targets(cells, CLASSES, CLASSES)
  images = jax.random.normal(jax.random.key(seed), (len(cells), *SHAPE))
  seen = view(cells, targets, num_classes=CLASSES, outlier_weight=0.5)
  return seen(Synthetic(images, None))


def of_images(fn, batch: Batch):
  return jax.grad(lambda images: fn(replace(batch, inputs=images)))(
    batch.inputs
  )


LABELS = np.arange(N) % CLASSES


IMAGES = jax.random.normal(jax.random.key(5), (N, *SHAPE))


MEASURE = empirical(LABELS, CLASSES, np.arange(N) % 7 == 0)


@cache
def real(step: int) -> Batch:
  return draw(jax.random.key(step), IMAGES, MEASURE, 24, by_cell(CLASSES))
