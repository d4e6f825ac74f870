"""Runs a few steps, and a few epochs of experts, to time them."""

from __future__ import annotations

import contextlib
import copy
import math
import time

import jax
import numpy as np

from rdd_jax.core import keys
from rdd_jax.distill import DistillState
from rdd_jax.experiment import experts as experiment_experts
from rdd_jax.experiment import loop, program
from rdd_jax.experiment.experts import buffer as experts_buffer
from rdd_jax.experiment.trial import Trial


def steps(
  trial: Trial,
  state: DistillState,
  images: jax.Array,
  labels: jax.Array,
  compiled: program.Compiled,
  mesh: jax.sharding.Mesh,
  train: loop.Train,
  budget: float,
) -> float:
  """Predicts the seconds of all steps of one distillation seed.

  Args:
    trial: the run; its directory gets checkpoints.
    state: before the first step, replicated on every device; its buffers are
      donated.
    images: `u8[N, H, W, C]`, the training set, replicated on every device.
    labels: `i[N]`, as given.
    compiled: the call of several steps, from `loop.compile_call`.
    mesh: where the state is.
    train: from a state to the trajectories of experts, see `loop.start`.
    budget: seconds after which no further call is made; three are made anyway.

  Returns:
    Seconds, with those of writing checkpoints.

  Raises:
    UserError: if the loss is not finite.
  """
  config = copy.deepcopy(trial.config)
  every = config.checkpoint_every
  config.checkpoint_every = config.steps
  config.prepare_every = 0
  ticks: list[float] = []

  def stop() -> bool:
    ticks.append(time.perf_counter())
    return len(ticks) > 2 and ticks[-1] - ticks[0] > budget

  begin = time.perf_counter()
  with contextlib.suppress(loop.Stopped):
    loop.distil(
      trial.experiment,
      config,
      state,
      images,
      labels,
      compiled._replace(counted=False),  # calls of equal length
      trial.workdir,
      mesh,
      label='trying the step',
      train=train,
      stop=stop,
    )
  saving = time.perf_counter() - ticks[-1]
  if len(ticks) > 1:
    call = (ticks[-1] - ticks[0]) / (len(ticks) - 1)
  else:
    call = ticks[0] - begin
  calls = math.ceil(config.steps / config.steps_per_call)
  return calls * call + math.ceil(config.steps / every) * saving


def stand_ins(
  trial: Trial,
  images: jax.Array,
  state: DistillState,
  mesh: jax.sharding.Mesh,
) -> tuple[list[np.ndarray], float]:
  """Trains experts for two epochs, and extrapolates their trajectories.

  Snapshots of a stand-in lie on the line between epochs one and two.

  Args:
    trial: the run; its directory gets the experts.
    images: `u8[N, H, W, C]`, the training set, replicated on every device.
    state: whose measure the experts train on.
    mesh: whose devices share the experts.

  Returns:
    A trajectory `f32[snapshots, p]` for each expert, the same one, and the
    predicted seconds of training all experts.
  """
  assert trial.experiment.expert is not None
  buffer = experts_buffer.buffer(trial.config, trial.workdir, mesh.size)
  short = buffer._replace(
    directory=trial.workdir / 'buffers',
    number=buffer.parallel,
    snapshots=(0, 1, 2),
  )
  ticks = [time.perf_counter()]

  found = experiment_experts.trajectories(
    short,
    trial.experiment.expert,
    keys.named(jax.random.key(trial.config.seed), 'experts'),
    images,
    state.measure,
    mesh,
    tell=lambda epoch: ticks.append(time.perf_counter()),
  )
  assert found is not None
  _, one, two = found[0]
  share = np.linspace(0, 1, len(buffer.snapshots), dtype=np.float32)
  line = one + share[:, None] * (two - one)
  epoch = ticks[2] - ticks[1]
  compiling = max(ticks[1] - ticks[0] - epoch, 0.0)
  rounds = math.ceil(buffer.number / buffer.parallel)
  total = compiling + rounds * buffer.snapshots[-1] * epoch
  return [line] * buffer.number, total
