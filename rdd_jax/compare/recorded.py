"""Makes the record of several runs, of a sweep or side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rdd_jax.artifact import store
from rdd_jax.compare.paired import Paired, methods, paired, table
from rdd_jax.compare.runs import Finished
from rdd_jax.core.errors import choose
from rdd_jax.experiment.recording import EARLIER, of_seeds
from rdd_jax.records.gather import cell, gather
from rdd_jax.records.record import Record, Row


def recorded(
  runs: Sequence[Finished],
  command: str,
  *,
  metrics: Sequence[str] = (),
  earlier: bool = True,
) -> Record:
  """Returns the record of runs, a line for each of `paired.table`.

  Args:
    runs: finished ones, at least one.
    command: that repeats them.
    metrics: instead of those that pages show: these, and lines of their
      paired differences to the first run.
    earlier: whether any was finished before this process began.

  Raises:
    UserError: for a metric that no run has.
  """
  fields = ('seeds', 'evaluation.seeds', 'seed')
  seeds = {of_seeds(*(run.config[f] for f in fields)) for run in runs}
  found = table(runs)
  record = gather(
    {name: row for name, (_, row) in found.items()},
    command=command,
    seeds='; or '.join(sorted(seeds)),
    sets=[store.load(run.directory) for run in runs],
    notes=EARLIER if earlier else '',
  )
  return _of(record, runs, metrics) if metrics else record


def _of(
  record: Record, runs: Sequence[Finished], metrics: Sequence[str]
) -> Record:
  """The record with other columns, and with paired differences."""
  found = table(runs)
  known = dict.fromkeys(m for _, row in found.values() for m in row)
  for metric in metrics:
    choose('metric', metric, known)
  first = next(iter(methods(runs)))
  lines = [
    Row(name, {m: cell(m, row[m]) for m in metrics if m in row})
    for name, (_, row) in found.items()
  ]
  lines += [
    Row(f'{name} - {first}', _differences(row, metrics))
    for name, row in paired(runs).items()
  ]
  return replace(record, columns=list(metrics), rows=lines)


def _differences(
  row: Mapping[str, Paired], metrics: Sequence[str]
) -> dict[str, dict[str, float]]:
  def scaled(metric: str, value: float) -> float:
    return cell(metric, {'mean': value, 'std': 0.0, 'n': 1})['mean']

  return {
    m: {
      'difference': scaled(m, row[m].mean),
      'least': scaled(m, row[m].least),
      'greatest': scaled(m, row[m].greatest),
    }
    for m in metrics
    if m in row
  }
