"""Tabulates the arms of several runs, and paired differences of methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import json
from typing import Any, NamedTuple

import numpy as np

from rdd_jax.compare.runs import Finished, names
from rdd_jax.evaluation.metrics import Row

UNPAIRED = ('seed', 'seeds')  # do not make another method of a run


class Paired(NamedTuple):
  """Holds a difference over the distillation seeds that two methods share.

  Attributes:
    mean: over seeds; of a seed, the mean over its networks counts.
    least: over seeds.
    greatest: over seeds.
    n: number of seeds.
  """

  mean: float
  least: float
  greatest: float
  n: int


def table(runs: Sequence[Finished]) -> dict[str, tuple[str, Row]]:
  """Tabulates every arm of all runs; equal baselines are listed once.

  Distilled sets come first, in the order of the runs, under the runs' names. A
  baseline is named after the runs that it belongs to, unless all that have it
  agree.

  Returns:
    Name to arm and metrics.
  """
  called = names(runs)
  rows = {
    name: ('distilled', run.rows['distilled'])
    for name, run in zip(called, runs, strict=True)
  }
  arms = dict.fromkeys(arm for run in runs for arm in run.rows)
  for arm in [a for a in arms if a != 'distilled']:
    shared: dict[str, list[int]] = {}
    for i, run in enumerate(runs):
      if arm in run.rows:
        text = json.dumps(run.rows[arm], sort_keys=True)
        shared.setdefault(text, []).append(i)
    for owners in shared.values():
      whose = ', '.join(called[i] for i in owners)
      alone = len(shared) == 1 and arm not in rows
      name = arm if alone else f'{arm} of {whose}'
      rows[name] = (arm, runs[owners[0]].rows[arm])
  return rows


def methods(runs: Sequence[Finished]) -> dict[str, list[Finished]]:
  """Groups runs that differ in nothing but their root seed, by name.

  >>> from pathlib import Path
  >>> def run(name, seed):
  ...   config = {'name': name, 'seed': seed}
  ...   return Finished(Path(f'{name}-{seed}'), config, {}, {}, {})
  >>> found = methods([run('dm', 0), run('dm', 1), run('dsa', 0)])
  >>> {name: len(runs) for name, runs in found.items()}
  {'dm': 2, 'dsa': 1}
  """
  found: dict[str, list[Finished]] = {}
  for run in runs:
    rest = {k: v for k, v in run.config.items() if k not in UNPAIRED}
    found.setdefault(json.dumps(rest, sort_keys=True), []).append(run)
  groups = list(found.values())
  called = names([group[0] for group in groups])
  return dict(zip(called, groups, strict=True))


def paired(runs: Sequence[Finished]) -> dict[str, dict[str, Paired]]:
  """Subtracts the metrics of the first run's method, seed by seed.

  `d_s = m_s(method) - m_s(first)` over the distillation seeds `s` that both
  have. Methods that share no seed with the first are left out, as are metrics
  that only one of them has.

  Returns:
    Method to metric to its difference.

  >>> from pathlib import Path
  >>> def run(name, values):
  ...   seeds = {(0, s): {'accuracy': v} for s, v in enumerate(values)}
  ...   return Finished(Path(name), {'name': name}, {}, seeds, {})
  >>> paired([run('dm', [0.5, 0.25]), run('dsa', [0.75, 0.75])])
  {'dsa': {'accuracy': Paired(mean=0.375, least=0.25, greatest=0.5, n=2)}}
  """
  return {
    name: {metric: _difference(values) for metric, values in row.items()}
    for name, row in differences(runs).items()
  }


def differences(
  runs: Sequence[Finished],
) -> dict[str, dict[str, list[float]]]:
  """Lists what `paired` summarizes: a number for each seed that two share.

  Args:
    runs: the first one's method is subtracted.

  Returns:
    Method to metric to its differences.
  """
  (_, first), *others = methods(runs).items()
  base = _seeds(first)
  found = {}
  for name, group in others:
    own = _seeds(group)
    common = [seed for seed in base if seed in own]
    if common:
      metrics = [
        m
        for m in base[common[0]]
        if all(m in base[s] and m in own[s] for s in common)
      ]
      found[name] = {
        m: [own[s][m] - base[s][m] for s in common] for m in metrics
      }
  return found


def csv_rows(runs: Sequence[Finished]) -> list[dict[str, Any]]:
  """Flattens the table; values are fractions, seconds and bytes.

  Returns:
    A dictionary for each row, with `row`, `arm`, `n`, and `METRIC` and
    `METRIC_std` of the metrics that it has; of a distilled set, `directory`,
    `seconds` and `resident_bytes` too.
  """
  found = []
  of_name = dict(zip(names(runs), runs, strict=True))
  for name, (arm, row) in table(runs).items():
    flat: dict[str, Any] = {'row': name, 'arm': arm}
    if arm == 'distilled':
      run = of_name[name]
      flat['directory'] = str(run.directory)
      flat['seconds'] = run.cost.get('total')
      flat['resident_bytes'] = run.cost.get('memory', {}).get('resident')
    flat['n'] = max((s['n'] for s in row.values()), default=0)
    for metric, s in row.items():
      flat |= {metric: s['mean'], f'{metric}_std': s['std']}
    found.append(flat)
  return found


def _seeds(
  group: Sequence[Finished],
) -> Mapping[tuple[int, int], dict[str, float]]:
  return {seed: row for run in group for seed, row in run.seeds.items()}


def _difference(values: Sequence[float]) -> Paired:
  array = np.asarray(values)
  return Paired(
    float(array.mean()), float(array.min()), float(array.max()), len(array)
  )
