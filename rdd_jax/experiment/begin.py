"""Where the distillation of a seed begins: its key, its start, its experts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import jax
import numpy as np

from rdd_jax.artifact import store
from rdd_jax.config.build.experts import teaches
from rdd_jax.config.defaults import Config
from rdd_jax.core import keys
from rdd_jax.distill import DistillState
from rdd_jax.experiment import calibrate, experts, loop
from rdd_jax.experiment import teacher as teachers
from rdd_jax.experiment.experts import buffer
from rdd_jax.experiment.sets import distilled
from rdd_jax.experiment.trial import INITIAL, Trial, seed_directory
from rdd_jax.runtime import cost
from rdd_jax.runtime import distributed as meshes
from rdd_jax.runtime.logging import say


def unfinished(trial: Trial, seed: int) -> bool:
  """Tells whether the set of a seed is not there yet.

  Args:
    trial: the run.
    seed: the distillation seed, from 0.
  """
  return _lacks(seed_directory(trial.workdir, seed))


def lacks_initial(trial: Trial, seed: int) -> bool:
  """Tells whether the baseline `initial` was asked for after a seed began.

  Args:
    trial: the run.
    seed: the distillation seed, from 0.
  """
  directory = seed_directory(trial.workdir, seed)
  return (
    'initial' in trial.config.baselines
    and (directory / 'checkpoints').exists()
    and _lacks(directory / INITIAL)
  )


def _lacks(directory: Path) -> bool:
  """Whether there is no set, or a damaged one, which is to be made again."""
  if store.is_whole(directory):
    return False
  if any((directory / name).exists() for name in (store.CARD, store.ARRAYS)):
    _tell(f'the set in {directory} is damaged or not whole: it is made again')
  return True


@cache
def _tell(line: str) -> None:
  """Says a line once, however often it is found out."""
  say(line)


def seed_key(config: Config, seed: int) -> jax.Array:
  """Returns the root of the randomness of a distillation seed.

  Args:
    config: of which `seed` is read.
    seed: the distillation seed, from 0.
  """
  root = keys.named(jax.random.key(config.seed), 'distillation')
  return jax.random.fold_in(root, seed)


def keep(
  trial: Trial,
  state: DistillState,
  seed: int,
  path: Path,
  trajectories: Sequence[np.ndarray] | None = None,
) -> None:
  """Saves the synthetic set of a state, on one process of several.

  And the noise that it found, by which a temperature is fitted, and the teacher
  that labels it.

  Args:
    trial: the run.
    state: of which `params` are saved.
    seed: the distillation seed.
    path: the directory of the artifact.
    trajectories: of experts, of which the first one may teach.
  """
  teacher = teachers.teacher(trial, trajectories)
  # All of them: images are shared out to their devices, to be labeled.
  found = distilled(trial, jax.device_get(state.params), seed, teacher)
  if meshes.is_main_process():
    where = seed_directory(trial.workdir, seed)
    calibrate.write(where, trial.dataset, state.transform)
    teachers.keep(trial, seed, teacher)
    store.save(path, found)


def train_experts(
  trial: Trial,
  images: jax.Array,
  mesh: jax.sharding.Mesh,
  clock: cost.Clock,
  stop: Callable[[], bool],
  state: DistillState,
) -> list[np.ndarray] | None:
  """Trains the experts on the measure of a state; None where there are none.

  All distillation seeds share the experts of a measure.

  Args:
    trial: the run.
    images: `u8[N, H, W, C]`, whole on every device.
    mesh: whose devices share the experts.
    clock: measures the stage.
    stop: asked after each epoch; True saves and raises `loop.Stopped`.
    state: of which `measure` is read.

  Returns:
    For each expert its snapshots `f32[snapshots, p]`.

  Raises:
    UserError: if the first one is to teach, and is no better than chance.
  """
  if trial.experiment.expert is None:
    return None
  with clock.stage('experts'):
    found = experts.trajectories(
      buffer.buffer(trial.config, trial.workdir, mesh.size),
      trial.experiment.expert,
      keys.named(jax.random.key(trial.config.seed), 'experts'),
      images,
      state.measure,
      mesh,
      stop=stop,
    )
  if found is None:
    raise loop.Stopped
  if teaches(trial.config):
    teachers.require_useful(trial, found, images, state.measure)
  return found
