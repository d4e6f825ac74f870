"""Cases that the tests of chains share."""

from __future__ import annotations

import jax
from objectives.trajectory_cases import (
  CLASSES,
  NET,
  SGD,
  SHAPE,
)

from rdd_jax import networks
from rdd_jax.objectives import (
  Inner,
  Segment,
  Starts,
  trajectory_matching,
)
from rdd_jax.robust import expose_outliers


def params_of(seed: int):
  return networks.init(NET, jax.random.key(seed), SHAPE)['params']


SEGMENT = Segment(*(networks.flatten(params_of(seed)) for seed in (1, 2)))


def match(inner: Inner = SGD, **options):
  return trajectory_matching(
    NET, SHAPE, CLASSES, inner=inner, starts=Starts(), **options
  )


def outliers():
  return expose_outliers(
    lambda key, pixels: jax.random.permutation(key, pixels, axis=1),
    CLASSES,
    to_pixels=jax.nn.sigmoid,
    to_inputs=lambda p: 4 * p - 2,
    rows=6,
  )
