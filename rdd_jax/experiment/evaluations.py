"""Evaluates each set of a run: distilled ones and baselines, all alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
import json
from pathlib import Path
from typing import Any

import jax
from jax import Array

from rdd_jax.artifact import store
from rdd_jax.config.build import shift as build_shift
from rdd_jax.core import plugins
from rdd_jax.evaluation.calibration import CalibrationRows
from rdd_jax.evaluation.evaluate import evaluate
from rdd_jax.evaluation.metrics import Row, pool
from rdd_jax.evaluation.regression import REGRESSIONS
from rdd_jax.evaluation.shift.shift import Shift
from rdd_jax.experiment import calibrate, regression, whole
from rdd_jax.experiment.parted import adding, cleared
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
    seeds = network_keys(trial.config.seed, options.seeds, seed)
    chosen = found()
    fitted = calibrate.rows(trial, arm, seed, chosen)
    made = partial(_measure, trial, arm, name, chosen, seeds, fitted)
    if arm == 'distilled' or trial.kept is None or _own(trial):
      judged = made()
    else:
      by = '' if name == 'matched' else f' by {name}'
      judged = trial.kept.values(
        f'{arm}{by}', *_ingredients(trial, name, chosen, seeds, fitted), made
      )
    if name == 'matched' and not seed:
      keep_curves(trial, arm, judged['curves'])
      keep_curves(trial, arm, judged['reliability'], 'reliability')
    return judged['row']

  rows = {}
  for name in ('matched', *options.networks):
    with cleared(trial.parts):
      path = _path(trial, arm, name, seed)
      rows[name] = remember(path, partial(measure, name))
  return rows


def row_of(trial: Trial, arm: str, seed: int) -> Row:
  """Reads the row of a set that `judge` has evaluated, by the run's network.

  Args:
    trial: the run.
    arm: its name in the table.
    seed: the distillation seed.
  """
  return json.loads(_path(trial, arm, 'matched', seed).read_text())


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


def _measure(
  trial: Trial,
  arm: str,
  name: str,
  chosen: store.Distilled,
  seeds: Array,
  fitted: CalibrationRows,
) -> dict[str, Any]:
  """Evaluates a set by one network: `row`, `curves` and `reliability`."""
  net = trial.experiment.net
  if name in REGRESSIONS:
    row = regression.judge(
      name,
      chosen,
      seeds,
      held=held(trial.dataset),
      config=trial.config,
      num_classes=trial.dataset.num_classes,
      net=net,
      recipe=trial.experiment.evaluation,
      student=trial.experiment.student,
    )
    return {'row': row, 'curves': {}, 'reliability': {}}
  fields, _ = _ingredients(trial, name, chosen, seeds, fitted)
  curves: dict[str, Any] = {}
  diagrams: dict[str, Any] = {}
  row = evaluate(
    net if name == 'matched' else trial.experiment.judges[name],
    store.to_batch(chosen),
    held(trial.dataset),
    trial.experiment.evaluation,
    num_classes=trial.dataset.num_classes,
    preprocess=trial.preprocess,
    seeds=seeds,
    student=trial.experiment.student,
    learning_rate=chosen.card['evaluation']['learning_rate'],
    teacher=chosen.teacher,
    ood=trial.outside,
    shift=shift(trial),
    calibrate=fitted,
    show=curves.update,
    diagram=diagrams.update,
    tell=trial.tell,
    parts=adding(trial.parts, fields, f'{arm} by {name}'),
  )
  return {'row': row, 'curves': curves, 'reliability': diagrams}


def _own(trial: Trial) -> bool:
  """Whether the user's own code edits minibatches: it may read anything."""
  links = trial.config.student.to_dict().items()
  return any(plugins.is_own(x.get('factory', name)) for name, x in links)


def _ingredients(
  trial: Trial,
  name: str,
  chosen: store.Distilled,
  seeds: Array,
  fitted: CalibrationRows,
) -> tuple[dict[str, Any], Any]:
  """All that makes the numbers of a set: fields, and arrays."""
  given, moved = trial.config.to_dict(), shift(trial)
  evaluation = given['evaluation']
  del evaluation['networks']
  fields: dict[str, Any] = {
    'by': name,
    'network': given['network'],
    'evaluation': evaluation,
    'learning_rate': chosen.card['evaluation']['learning_rate'],
    'labels': chosen.card.get('labels'),
    'factor': chosen.card['factor'],
    'classes': trial.dataset.num_classes,
    'outside': given['outside'],
    'shift': given['shift'],
    'precision': given['precision'],
    'deterministic': given['deterministic'],
  }
  if chosen.teacher is not None:  # its weights are among the arrays
    fields['teacher'] = chosen.card['teacher']
  if name in REGRESSIONS:
    fields['kernel'] = given['kernel']
  if given['student']:
    data = {key: given['data'][key] for key in ('data_dir', 'mock')}
    spec = trial.experiment.spec._asdict()
    fields['student'] = [given['student'], data, spec, given['seed']]
  if moved is not None:
    moved = moved._replace(key=jax.random.key_data(moved.key))
  arrays = store.to_arrays(chosen), held(trial.dataset), trial.outside, moved
  return fields, (*arrays, fitted, jax.random.key_data(seeds))


def shift(trial: Trial) -> Shift | None:
  """Returns shifted test rows and groups of them, also groups in features."""
  if trial.shift is None or not build_shift.needs_features(trial.config):
    return trial.shift
  return build_shift.with_features(trial.shift, whole.whole(trial)['groups'])


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
