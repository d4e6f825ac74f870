"""Evaluates each set of a run: distilled ones and baselines, all alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rdd_jax.artifact import store
from rdd_jax.config.build import shift as build_shift
from rdd_jax.evaluation.evaluate import evaluate
from rdd_jax.evaluation.metrics import Row, pool
from rdd_jax.evaluation.regression import REGRESSIONS
from rdd_jax.evaluation.shift.shift import Shift
from rdd_jax.experiment import regression
from rdd_jax.experiment.baselines import whole
from rdd_jax.experiment.trial import (
  Trial,
  held,
  keep_curves,
  network_keys,
  remember,
)


def judge(
  trial: Trial, arm: str, seed: int, found: Callable[[], store.Distilled]
) -> dict[str, Row]:
  """Evaluates one set at one distillation seed, by each network.

  Args:
    trial: the run.
    arm: its name in the table.
    seed: the distillation seed; arms of a seed share their network seeds.
    found: loads the set, if it is not evaluated yet. Networks are trained at
      the learning rate on its card, which may be a learned one.

  Returns:
    A row for each network; that of the run itself is called 'matched', and
    those of regressions 'ntk', 'nngp' and 'conjugate'.
  """
  options = trial.config.evaluation

  def measure(name: str) -> Row:
    net = trial.experiment.net
    seeds = network_keys(trial.config.seed, options.seeds, seed)
    if name in REGRESSIONS:
      return regression.judge(
        name,
        found(),
        seeds,
        held=held(trial.dataset),
        config=trial.config,
        num_classes=trial.dataset.num_classes,
        net=net,
        recipe=trial.experiment.evaluation,
        student=trial.experiment.student,
      )
    if name != 'matched':
      net = trial.experiment.judges[name]
    chosen = found()
    return evaluate(
      net,
      store.to_batch(chosen),
      held(trial.dataset),
      trial.experiment.evaluation,
      num_classes=trial.dataset.num_classes,
      preprocess=trial.preprocess,
      seeds=seeds,
      student=trial.experiment.student,
      learning_rate=chosen.card['evaluation']['learning_rate'],
      ood=trial.outside,
      shift=shift(trial),
      show=lambda curves: (
        keep_curves(trial, arm, curves)
        if name == 'matched' and not seed
        else None
      ),
      tell=trial.tell,
    )

  return {
    name: remember(
      _path(trial, arm, name, seed), lambda name=name: measure(name)
    )
    for name in ('matched', *options.networks)
  }


def untrained(trial: Trial, jobs: Iterable[tuple[str, int]]) -> int:
  """Counts the networks that the evaluation of a run has still to train.

  Args:
    trial: the run.
    jobs: names of sets, and distillation seeds.
  """
  names = ('matched', *trial.experiment.judges)
  missing = sum(
    not _path(trial, arm, name, seed).exists()
    for arm, seed in jobs
    for name in names
  )
  count = trial.config.evaluation.seeds * missing
  whole = trial.workdir / 'evaluations' / 'whole.json'
  if trial.experiment.whole is not None and not whole.exists():
    count += trial.config.whole.seeds
  return count


def _path(trial: Trial, arm: str, name: str, seed: int) -> Path:
  return trial.workdir / 'evaluations' / f'{arm}-{name}-{seed}.json'


def shift(trial: Trial) -> Shift | None:
  """Returns shifted test rows and groups of them, also groups in features."""
  if trial.shift is None or not build_shift.needs_features(trial.config):
    return trial.shift
  return build_shift.with_features(trial.shift, whole(trial)['groups'])


def results(
  rows: Mapping[str, Sequence[dict[str, Row]]], whole: Row | None
) -> dict[str, Any]:
  """Pools rows over distillation seeds, as `results.json` holds them.

  Args:
    rows: of each set, for each distillation seed, a row by network.
    whole: of networks on the full training set, if there are any.
  """
  found: dict[str, Any] = {
    'rows': {
      arm: pool([row['matched'] for row in seeds])
      for arm, seeds in rows.items()
    }
  }
  if whole is not None:
    found['rows']['whole'] = whole
  others = [name for name in next(iter(rows.values()))[0] if name != 'matched']
  if others:
    found['networks'] = {
      name: {
        arm: pool([row[name] for row in seeds]) for arm, seeds in rows.items()
      }
      for name in others
    }
  return found
