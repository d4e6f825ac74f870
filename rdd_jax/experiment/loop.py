"""Distils: from an experiment and a key to distilled parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
import time
from typing import Any

from absl import logging
import jax
from jax import Array
from jax.sharding import Mesh
import numpy as np

from rdd_jax.config.build.experiment import Experiment
from rdd_jax.config.defaults import Config
from rdd_jax.core.data_view import Keep, unkept
from rdd_jax.core.errors import UserError
from rdd_jax.core.measure import Measure
from rdd_jax.core.onehot import OneHot, dense
from rdd_jax.core.parts import Parts, in_one, within
from rdd_jax.distill import DistillState
from rdd_jax.experiment.prepare import prepared
from rdd_jax.experiment.program import (
  Compiled,
  compile_call,
  feeds,
  filled,
  reading_ahead,
)
from rdd_jax.objectives.trajectory import Trajectories
from rdd_jax.runtime import checkpoint, stopping
from rdd_jax.runtime import distributed as meshes
from rdd_jax.runtime.logging import MetricsWriter
from rdd_jax.runtime.profiling import Watch
from rdd_jax.runtime.progress import Progress
from rdd_jax.runtime.stopping import Stopped as Stopped

Train = Callable[[DistillState], Trajectories | None]

SAVE_EVERY = 60.0  # seconds of steps that a kill may cost, at most


def start(
  experiment: Experiment,
  key: Array,
  images: Array,
  measure: Measure,
  labels: Array,
  train: Train = lambda state: None,
  directory: Path | None = None,
  stop: Callable[[], bool] = lambda: False,
  keep: Keep = unkept,
  parts: Parts = in_one,
) -> DistillState:
  """Returns the state of the newest checkpoint, or that before the first step.

  Without a checkpoint, the measure is prepared, which takes time.

  Args:
    experiment: what is run.
    key: of the run.
    images: `u8[N, H, W, C]`.
    measure: of the data as given.
    labels: `i[N]`, as given.
    train: from a state, whose measure is prepared, to the trajectories of
      experts on it.
    directory: holds `checkpoints`.
    stop: asked while the measure is prepared; True raises `Stopped`.
    keep: reads what another run prepared, see `DataView`.
    parts: prepares what takes long, likewise.
  """
  distiller, initial = experiment.distiller, experiment.initial
  params = initial(key, images, measure)
  state = distiller.init(key, experiment.spec, params, measure)
  # Labels may have become soft, and earlier versions saved a number a class.
  soft = replace(measure, targets=jax.eval_shape(dense, measure.targets))
  restored = directory and checkpoint.restore_latest(
    directory, state, replace(state, measure=soft)
  )
  if restored:
    return restored[1]
  state = prepared(experiment, state, images, labels, stop, keep, parts)
  params = initial(key, images, state.measure, train(state))

  # The first call is given the state's buffers; its sources keep theirs. An
  # array of several processes is put where it is, by name.
  def copied(leaf: Any) -> jax.Array:
    where = getattr(leaf, 'sharding', None)
    return jax.device_put(leaf, where, may_alias=False)

  return jax.tree.map(copied, replace(state, params=params))


def distil(
  experiment: Experiment,
  config: Config,
  state: DistillState,
  images: Array,
  labels: Array,
  compiled: Compiled,
  directory: Path,
  mesh: Mesh,
  *,
  label: str,
  train: Train = lambda state: None,
  stop: Callable[[], bool] = lambda: False,
  watch: Watch = Watch(),
) -> DistillState:
  """Runs the steps that a state has not taken yet.

  Args:
    experiment: what is run.
    config: `steps`, `steps_per_call`, `log_every`, `checkpoint_every` and
      `prepare_every` are read.
    state: from `start`, replicated on every device.
    images: `u8[N, H, W, C]`, whole on every device.
    labels: `i[N]`, as given.
    compiled: from `compile_call`.
    directory: holds `checkpoints` and `metrics.jsonl`.
    mesh: where the state is.
    label: of the progress bar.
    train: see `start`; called again when `prepare` has changed the measure.
    stop: asked after each call; calls take fewer steps where these are long and
      the program allows it.
    watch: what else is written of it.

  Returns:
    The last state.

  Raises:
    UserError: when the loss is not finite; the last checkpoint is kept.
    Stopped: when `stop()` says so; the state has been saved.
  """
  done = int(state.step)
  if done:
    logging.info('%s: resuming at step %d', label, done)
  saved, saved_at = done, time.monotonic()
  trajectories = train(state)
  path = directory / 'metrics.jsonl'
  size, total = config.steps_per_call, taken(config)
  most = 1 if compiled.counted else size  # steps of the next call
  first, read_ahead = done, reading_ahead(experiment, images, size)

  def save() -> None:
    nonlocal saved, saved_at
    if saved != done:
      checkpoint.save(directory, done, state)
    saved, saved_at = done, time.monotonic()

  with (
    MetricsWriter(path, watch.events(directory)) as writer,
    watch.profile as profile,
    Progress(total, label) as progress,
    # Several processes look at `stop` together, or would wait for each other.
    stopping.deferred() if jax.process_count() > 1 else nullcontext(),
  ):
    writer.truncate_after(done)
    progress.update(done)
    while done < total:
      every = config.prepare_every
      whole = done % size == 0
      if every and done and whole and done % every == 0:
        try:
          new = prepared(experiment, state, images, labels, stop)
        except (Stopped, stopping.Interrupted):
          save()
          raise
        kept = unless_moved(state.measure, new.measure)
        state = replace(new, measure=kept)
        trajectories = train(state)
        if not compiled.fits(state):
          compiled = compile_call(
            experiment, config, state, images, mesh, trajectories
          )
      count = min(most, size - done % size)
      fed = feeds(experiment, state, done, count, trajectories)
      fed = meshes.replicate((filled(fed, size), np.int32(count)), mesh)
      if done == first or done % size == 0:
        read_ahead(state)
      with stopping.deferred():  # a call takes the state's buffers
        begin = time.monotonic()
        with profile.call(count):
          state, metrics = compiled.call(state, images, *fed)
          values = jax.device_get(metrics)
        values = {name: value[:count] for name, value in values.items()}
        if compiled.counted:
          most = _within(time.monotonic() - begin, count, size)
        steps = done + 1 + np.arange(count)
        _require_finite(steps, values, saved, directory)
        for i in np.flatnonzero(steps % config.log_every == 0):
          writer.write(
            int(steps[i]), {name: float(v[i]) for name, v in values.items()}
          )
        done += count
        progress.update(done, loss=values['loss'][-1])
        stopped = stop()
        late = time.monotonic() - saved_at > SAVE_EVERY
        due = done % size == 0 and done % config.checkpoint_every == 0
        if meshes.any_process(stopped or late) or due:
          save()
        if done < total and meshes.any_process(stopped):
          raise Stopped
  save()
  return state


def taken(config: Config) -> int:
  """Returns the steps that a run takes, as no call of several is cut short.

  Args:
    config: of which `steps` and `steps_per_call` are read.

  >>> from rdd_jax.config.defaults import config
  >>> given = config()
  >>> given.steps, given.steps_per_call = 25, 10
  >>> taken(given)
  30
  """
  return -(-config.steps // config.steps_per_call) * config.steps_per_call


def _within(seconds: float, count: int, size: int) -> int:
  """Returns how many steps, at most `size`, take about a second.

  Args:
    seconds: that some steps took.
    count: their number.
    size: of a call.
  """
  found = min(within(seconds, count), size)
  return int(meshes.from_main(np.asarray(found, np.int32)))


def unless_moved(before: Measure, after: Measure) -> Measure:
  """Returns `before`, if `after` differs by rounding alone.

  Rounding then trains no expert anew.

  Args:
    before: the measure that experts were trained on.
    after: the measure that was prepared since.
  """
  if not isinstance(before.targets, OneHot):
    after = replace(after, targets=dense(after.targets))
  if jax.tree.structure(before) != jax.tree.structure(after):
    return after
  pairs = zip(jax.tree.leaves(before), jax.tree.leaves(after), strict=True)
  same = all(np.allclose(a, b, rtol=1e-5, atol=0) for a, b in pairs)
  return before if same else after


def _require_finite(
  steps: np.ndarray,
  values: Mapping[str, np.ndarray],
  saved: int,
  directory: Path,
) -> None:
  losses = values['loss']
  bad = ~np.isfinite(losses)
  if bad.any():
    kept = (
      f'the checkpoint of step {saved} is kept in {directory}'
      if saved
      else 'no checkpoint was due before it'
    )
    cause = ''
    if np.any(values.get('failed', 0)):
      cause = 'its ridge regression failed: raise kernel.ridge, or '
    raise UserError(
      f'the loss is {losses[bad][0]} at step {steps[bad][0]}; {kept}; {cause}'
      'lower optimizer.learning_rate, optimizer.step_size_learning_rate or '
      'objective.inner.learning_rate'
    )
