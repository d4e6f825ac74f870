"""Runs side by side: one table of all arms, and differences that are paired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import json
from typing import Any, NamedTuple

import numpy as np

from rdd_jax.compare.runs import Finished, names
from rdd_jax.evaluation.metrics import Row

UNPAIRED = ('seed', 'seeds')  # do not make another method of a run


class Paired(NamedTuple):
  """A difference over distillation seeds that two methods share.

  Attributes:
    mean: over seeds, of the mean over networks of each.
    least: of the seeds.
    greatest: likewise.
    n: seeds.
  """

  mean: float
  least: float
  greatest: float
  n: int


def table(runs: Sequence[Finished]) -> dict[str, tuple[str, Row]]:
  """Returns arm and metrics by name, of every run; equal arms stand once.

  The distilled rows come first, in the order of the runs, under their names. A
  baseline is named after the runs whose it is, unless all that have it agree.
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
      name = arm if len(shared) == 1 else f'{arm} of {whose}'
      rows[name] = (arm, runs[owners[0]].rows[arm])
  return rows


def methods(runs: Sequence[Finished]) -> dict[str, list[Finished]]:
  """Groups runs that differ in their root seed alone, by name."""
  found: dict[str, list[Finished]] = {}
  for run in runs:
    rest = {k: v for k, v in run.config.items() if k not in UNPAIRED}
    found.setdefault(json.dumps(rest, sort_keys=True), []).append(run)
  groups = list(found.values())
  called = names([group[0] for group in groups])
  return dict(zip(called, groups, strict=True))


def paired(runs: Sequence[Finished]) -> dict[str, dict[str, Paired]]:
  """Returns, by method and metric, differences from the first run's method.

  Over the distillation seeds of both; methods that share none are left out, as
  are metrics that one of them does not have.
  """
  (_, first), *others = methods(runs).items()
  base = _seeds(first)
  found = {}
  for name, group in others:
    own = _seeds(group)
    common = [seed for seed in base if seed in own]
    if common:
      metrics = [m for m in base[common[0]] if m in own[common[0]]]
      found[name] = {
        m: _difference([own[s][m] - base[s][m] for s in common])
        for m in metrics
      }
  return found


def csv_rows(runs: Sequence[Finished]) -> list[dict[str, Any]]:
  """Returns the table as flat rows: fractions, seconds and bytes.

  Each has `row`, `arm`, `n`, and `METRIC` and `METRIC_std` of the metrics that
  it has; a distilled one its `directory`, `seconds` and `resident_bytes` too.
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
