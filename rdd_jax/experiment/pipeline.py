"""Runs a configuration to a finished work directory."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
import json
from pathlib import Path
import shutil
from typing import Any

import jax

from rdd_jax.artifact import store
from rdd_jax.config.build import shift as build_shift
from rdd_jax.config.build.data import cleans_only
from rdd_jax.config.defaults import Config
from rdd_jax.core.measure import empirical
from rdd_jax.data import injected, stand_in
from rdd_jax.evaluation.metrics import Row
from rdd_jax.experiment import (
  baselines,
  begin,
  clean,
  evaluations,
  kept,
  loop,
  outputs,
  parted,
  program,
  whole,
  workdir,
)
from rdd_jax.experiment.check import check, check_channels_of
from rdd_jax.experiment.describe import describe
from rdd_jax.experiment.kept import Kept
from rdd_jax.experiment.parted import Parted
from rdd_jax.experiment.same_data import require_same
from rdd_jax.experiment.tested import describe_tests
from rdd_jax.experiment.trial import (
  INITIAL,
  Trial,
  held,
  load_trial,
  seed_directory,
)
from rdd_jax.report import groups, label_noise
from rdd_jax.runtime import cost, stopping
from rdd_jax.runtime import distributed as meshes
from rdd_jax.runtime.logging import board_results, say
from rdd_jax.runtime.profiling import Watch
from rdd_jax.runtime.progress import Progress, busy


def execute(
  config: Config,
  directory: Path,
  *,
  command: str = '',
  stop: Callable[[], bool] = lambda: False,
  watch: Watch = Watch(),
  shared: Path | None = None,
  alone: bool = True,
) -> dict[str, Any]:
  """Distils every seed, evaluates every arm, writes the outputs.

  Args:
    config: complete, see `rdd_jax.config.defaults`.
    directory: the work directory; finished work found in it is kept.
    command: that repeats the run, for the report.
    stop: asked after each call of the step, and before each evaluation.
    watch: what else is written of it.
    shared: where judged baselines are kept for other runs; None is beside the
      work directory.
    alone: False leaves the table and the charts to who runs several.

  Returns:
    What `results.json` holds; nothing where labels are cleaned and no more.

  Raises:
    UserError: for bad input, or when the loss is not finite.
    run.Stopped: when `stop()` says so; what was done is saved.
  """
  if cleans_only(config) and clean.finished(directory):
    say(f'nothing to do, the labels are cleaned: read from {directory}')
    return {}
  if workdir.finished(directory, config):
    say(f'nothing to do, read from {directory}')
    results = json.loads((directory / 'results.json').read_text())
    outputs.tell(directory, results, mock=config.data.mock, alone=alone)
    return results
  check(config)
  asked = config.copy_and_resolve_references()  # data set a depth of 0
  mesh = meshes.make_mesh(config.devices or None)
  clock = cost.clock(directory)
  stop = clock.watch(stop)
  with jax.default_matmul_precision(config.precision):
    with clock.stage('loading'):
      trial = load_trial(config, directory)._replace(
        watch=watch,
        kept=Kept(shared or directory.parent / kept.DIRECTORY),
        parts=Parted(directory / parted.DIRECTORY),
      )
      check_channels_of(trial.dataset)
      require_same(directory, trial.dataset)
      build_shift.fits(config, trial.dataset)
      if meshes.is_main_process():
        workdir.claim(directory, asked)
      meshes.any_process(False)  # the others are about to read what one wrote
    for line in on_purpose(trial):
      say(line)
    if cleans_only(config):
      clean.clean(trial, begin.seed_key(config, 0), command, clock)
      return {}
    distil(trial, mesh, clock, stop)
    with clock.stage('judging'):
      # Only now: it takes time, which a run that is stopped need not spend.
      shift = build_shift.load(config, trial.dataset, trial.preprocess)
      judged = trial._replace(shift=shift)
      return judge(judged, command, clock, stop, alone=alone)


def on_purpose(trial: Trial) -> list[str]:
  """Returns in words what was put into the data on purpose."""
  noise = stand_in(trial.config.data.noise, trial.dataset)
  return injected(trial.dataset, noise, trial.config.data.rare)


def distil(
  trial: Trial,
  mesh: jax.sharding.Mesh,
  clock: cost.Clock,
  stop: Callable[[], bool],
) -> None:
  """Distils each seed whose artifact is not there yet.

  Args:
    trial: the run.
    mesh: of the devices that it runs on.
    clock: measures the stages.
    stop: asked now and then; True saves and raises `loop.Stopped`.
  """
  config, dataset = trial.config, trial.dataset
  todo = [
    seed
    for seed in range(config.seeds)
    if begin.unfinished(trial, seed) or begin.lacks_initial(trial, seed)
  ]
  if not todo:
    return
  measure = empirical(
    dataset.train_labels,
    trial.experiment.spec.num_outputs,
    dataset.train_groups,
  )
  # Outside of the mesh, within which all would be compiled once more.
  roots = {seed: begin.seed_key(config, seed) for seed in todo}
  compiled = None
  with meshes.use(mesh):
    images, labels, measure = meshes.replicate(
      (dataset.train_images, dataset.train_labels, measure), mesh
    )
    train = partial(begin.train_experts, trial, images, mesh, clock, stop)
    for seed, key in roots.items():
      directory = seed_directory(trial.workdir, seed)
      if config.transform and not (directory / 'checkpoints').exists():
        # It may take as long as distilling.
        names = ', '.join(config.transform)
        say(f'{seed + 1}/{config.seeds}: preparing the measure ({names})')
      begun = partial(
        loop.start,
        trial.experiment,
        key,
        images,
        measure,
        labels,
        train,
        stop=stop,
        keep=kept.for_run(trial.kept, config),
        parts=parted.preparing(trial.parts, config),
      )
      with clock.stage('preparing'):
        if begin.lacks_initial(trial, seed):  # it was not asked for then
          first = begun()
          begin.keep(trial, first, seed, directory / INITIAL, train(first))
        if not begin.unfinished(trial, seed):
          continue
        state = begun(directory)
        if trial.kept:
          trial.kept.say()
      if 'initial' in config.baselines and not int(state.step):
        begin.keep(trial, state, seed, directory / INITIAL, train(state))
      state = meshes.replicate(state, mesh)
      ahead = int(state.step) < loop.taken(config)
      if ahead and not (compiled and compiled.fits(state)):
        with (
          stopping.finished('compiling the step'),  # kept for the next run
          clock.stage('compiling'),
          busy('compiling the step'),
        ):
          compiled = program.compile_call(
            trial.experiment, config, state, images, mesh, train(state)
          )
        say(describe(trial, compiled, mesh))
      if ahead and compiled is not None:
        with clock.stage('distilling'):
          state = loop.distil(
            trial.experiment,
            config,
            state,
            images,
            labels,
            compiled,
            directory,
            mesh,
            train=train,
            label=f'distilling {seed + 1}/{config.seeds}',
            stop=stop,
            watch=trial.watch,
          )
      if meshes.is_main_process():
        label_noise.write(directory, trial.dataset, state.transform)
        groups.write(directory, trial.dataset, state.transform)
      begin.keep(trial, state, seed, directory, train(state))
    meshes.any_process(False)  # the others are about to read what one wrote


def judge(
  trial: Trial,
  command: str,
  clock: cost.Clock,
  stop: Callable[[], bool],
  *,
  alone: bool = True,
) -> dict[str, Any]:
  """Evaluates all arms and writes the table, the picture and the page.

  Args:
    trial: the run, whose sets are distilled.
    command: that repeats the run, for the report.
    clock: of which the times are written.
    stop: asked before each network, or set of them; True raises
      `loop.Stopped`.
    alone: as of `execute`.

  Returns:
    The results, as in `results.json`.
  """
  config, directory = trial.config, trial.workdir
  names = (*config.baselines, 'distilled')
  jobs = [(arm, seed) for seed in range(config.seeds) for arm in names]
  rows: dict[str, list[dict[str, Row]]] = {arm: [] for arm in names}

  def found(arm: str, seed: int) -> store.Distilled:
    if arm == 'distilled':
      return baselines.stored(trial, seed)
    return baselines.baseline(trial, arm, seed)

  count = evaluations.untrained(trial, jobs)
  with Progress(count, 'judging', unit='network') as progress:
    progress.update(0)

    def tell(trained: int, left: int) -> None:
      progress.advance(trained)
      if left and stop():  # a set whose networks are trained is soon done
        raise loop.Stopped

    trial = trial._replace(tell=tell)
    row = whole.whole(trial)['row']
    for arm, seed in jobs:
      if stop():
        raise loop.Stopped
      rows[arm].append(
        evaluations.judge(trial, arm, seed, partial(found, arm, seed))
      )
      progress.update(count - evaluations.untrained(trial, jobs))
  if trial.kept is not None:
    trial.kept.say()
  results = evaluations.results(rows, row)
  results |= describe_tests(
    trial.outside, evaluations.shift(trial), held(trial.dataset)
  )
  clock.write()  # for the report
  if meshes.is_main_process():
    outputs.write_run(trial, results, command, alone=alone)
    shutil.rmtree(directory / parted.DIRECTORY, ignore_errors=True)
    events = trial.watch.events(directory)
    if events:
      board_results(events / 'results', config.steps, results)
    outputs.tell(directory, results, mock=config.data.mock, alone=alone)
  return results
