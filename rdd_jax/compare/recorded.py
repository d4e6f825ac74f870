"""Makes the record of several runs, of a sweep or side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
import math

import numpy as np

from rdd_jax.artifact import store
from rdd_jax.compare.paired import differences, methods, table
from rdd_jax.compare.power import smallest_effect
from rdd_jax.compare.runs import Finished
from rdd_jax.core.errors import choose
from rdd_jax.experiment.recording import EARLIER, of_seeds
from rdd_jax.records.gather import cell, gather
from rdd_jax.records.record import Record, Row

SHOWN = 'would have shown'
PAIRED = (
  'lines "over" another are differences, paired over distillations, mean '
  f'[least, greatest]; "{SHOWN}" is the least difference that such pairs show '
  'with a probability of 80 % (two-sided t-test at 5 %), of the line for which '
  'it is largest'
)


def recorded(
  runs: Sequence[Finished],
  command: str,
  *,
  earlier: bool = True,
  metrics: Sequence[str] = (),
  paired: bool = False,
) -> Record:
  """Returns the record of runs, a line for each of `paired.table`.

  Args:
    runs: finished ones, at least one.
    command: that repeats them.
    earlier: whether any was finished before this process began.
    metrics: the columns, by name; those that pages show by default.
    paired: adds differences to the first run, and what would have shown.

  Raises:
    UserError: for a metric that no run has.
  """
  fields = ('seeds', 'evaluation.seeds', 'seed')
  seeds = {of_seeds(*(run.config[f] for f in fields)) for run in runs}
  rows = {name: row for name, (_, row) in table(runs).items()}
  known = {metric: None for row in rows.values() for metric in row}
  for metric in metrics:
    choose('metric', metric, known)
  record = gather(
    rows,
    metrics=metrics,
    command=command,
    seeds='; or '.join(sorted(seeds)),
    sets=[store.load(run.directory) for run in runs],
    notes=EARLIER if earlier else '',
  )
  if not paired:
    return record
  found = {
    name: {m: row[m] for m in record.columns if m in row}
    for name, row in differences(runs).items()
  }
  lines = difference_lines(found, next(iter(methods(runs))))
  notes = '; '.join(filter(None, (PAIRED, record.notes)))
  return replace(record, rows=[*record.rows, *lines], notes=notes)


def difference_lines(
  found: Mapping[str, Mapping[str, Sequence[float]]], first: str
) -> list[Row]:
  """Returns a line of each method's differences, and what would have shown.

  Args:
    found: method to metric to a number for each pair, in fractions.
    first: the name of what was subtracted.

  >>> lines = difference_lines({'a': {'accuracy': [0.01, 0.03]}}, 'b')
  >>> [line.name for line in lines]
  ['a, over b', 'would have shown']
  >>> lines[0].cells['accuracy']
  {'difference': 2.0, 'least': 1.0, 'greatest': 3.0}
  >>> lines[1].cells['accuracy']
  {'mean': 16.3}
  """
  lines, shown = [], {}
  for name, row in found.items():
    cells = {}
    for metric, values in row.items():
      array = _scaled(metric, values)
      cells[metric] = {
        'difference': round(float(array.mean()), 6),
        'least': round(float(array.min()), 6),
        'greatest': round(float(array.max()), 6),
      }
      if len(array) > 1:
        effect = smallest_effect(float(array.std(ddof=1)), len(array))
        if not math.isnan(effect):
          shown[metric] = max(shown.get(metric, 0.0), effect)
    lines.append(Row(f'{name}, over {first}', cells))
  if shown:
    lines.append(
      Row(SHOWN, {m: {'mean': round(v, 1)} for m, v in shown.items()})
    )
  return lines


def _scaled(metric: str, values: Sequence[float]) -> np.ndarray:
  """`f[n]`, in the unit of the metric."""
  scale = cell(metric, {'mean': 1, 'std': 0, 'n': 1})['mean']
  return scale * np.asarray(values, float)
