"""Cases that the tests of experts share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
import os
from pathlib import Path
import signal

import jax
from jax import Array
import jax.numpy as jnp
import numpy as np
import optax

from rdd_jax import networks
from rdd_jax.core.measure import Measure, empirical
from rdd_jax.core.transform import (
  BoundTransform,
  EmptyState,
  identity,
)
from rdd_jax.experiment import experts
from rdd_jax.experiment.experts import rounds
from rdd_jax.images.preprocessing import standardize
from rdd_jax.runtime import distributed as meshes
from rdd_jax.training.expert import Expert, expert

SHAPE, CLASSES, N = (4, 4, 1), 3, 48


NET = networks.build('mlp', CLASSES, width=4, depth=2)


PLAIN = standardize([0.5], [0.25])


KEY = jax.random.key(0)


RNG = np.random.default_rng(0)


IMAGES = jnp.asarray(RNG.integers(0, 256, (N, *SHAPE), np.uint8))


MEASURE = empirical(np.arange(N) % CLASSES, CLASSES)


def make(edit=None, net=NET, **options) -> Expert:
  return expert(
    net,
    optax.sgd(0.1, momentum=0.9),
    SHAPE,
    CLASSES,
    preprocess=PLAIN,
    batch_size=8,
    edit=edit or BoundTransform(EmptyState(), identity()),
    **options,
  )


EXPERT = make()


def run(
  directory: Path,
  *,
  number: int = 3,
  parallel: int = 2,
  measure: Measure = MEASURE,
  devices: int = 1,
  stop: Callable[[], bool] = lambda: False,
  trained: Expert = EXPERT,
  images: Array = IMAGES,
  snapshots: Sequence[int] = (0, 1, 2, 4),
  **made_of: object,
) -> list[np.ndarray] | None:
  buffer = experts.Buffer(
    directory=directory / 'experts',
    scratch=directory / 'scratch',
    number=number,
    snapshots=tuple(snapshots),
    parallel=parallel,
    made_of=made_of,
  )
  mesh = meshes.make_mesh(devices)
  with meshes.use(mesh):
    rows, held = meshes.replicate((images, measure), mesh)
    return experts.trajectories(
      buffer, trained, KEY, rows, held, mesh, stop=stop
    )


def after(calls: int) -> Callable[[], bool]:
  left = iter(range(calls))
  return lambda: next(left, None) is None


def killed(directory: Path, calls: int) -> None:
  """Trains with a checkpoint after each epoch, until `kill -9`."""
  rounds.SAVE_EVERY = 0.0
  due = after(calls)
  run(directory, stop=lambda: due() and os.kill(os.getpid(), signal.SIGKILL))
