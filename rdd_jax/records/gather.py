"""From the numbers of a run, an evaluation or a sweep to a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rdd_jax.artifact.store import Distilled
from rdd_jax.evaluation.lookup import find, shown
from rdd_jax.records import origin
from rdd_jax.records.record import Record, Row
from rdd_jax.records.storage import Storage, of

UNIT = 'per cent, mean ± standard deviation'
PLACES = ('ablations', 'summary', 'terminal')  # of which metrics are kept


def gather(
  rows: Mapping[str, Mapping[str, Any]],
  *,
  command: str,
  seeds: str,
  metrics: Sequence[str] = (),
  sets: Sequence[Distilled] = (),
  strong: Sequence[str] = (),
  extra: Mapping[str, Mapping[str, Any]] = {},
  notes: str = '',
) -> Record:
  """Makes a record of summaries, as `results.json` has them.

  Args:
    rows: name to metric to summary, in fractions; metrics that no table shows
      are left out.
    command: that repeats it.
    seeds: in words.
    metrics: the columns, by name; by default those that pages show.
    sets: what was judged; settings that take the same are one.
    strong: names of lines that are set off.
    extra: by name, further cells of a line.
    notes: what else a reader must know.
  """
  names = {metric: None for row in rows.values() for metric in row}
  columns = list(metrics) or list(
    dict.fromkeys(m for place in PLACES for m in shown(place, names))
  )
  lines = [
    Row(
      name if '=' in name else name.replace('_', '-'),  # not of options
      {m: cell(m, row[m]) for m in columns if m in row}
      | dict(extra.get(name, {})),
      name in strong,
    )
    for name, row in rows.items()
  ]
  further = list(dict.fromkeys(c for cells in extra.values() for c in cells))
  counts = {
    summary['n']
    for row in rows.values()
    for metric, summary in row.items()
    if metric == 'accuracy'
  }
  return Record(
    columns=[*columns, *further],
    rows=lines,
    n=counts.pop() if len(counts) == 1 else 0,
    seeds=seeds,
    unit=UNIT,
    commands=[command],
    commit=origin.commit(),
    machine=origin.machine(),
    date=origin.today(),
    storage=distinct([of(one) for one in sets]),
    notes=notes,
  )


def cell(metric: str, summary: Mapping[str, Any]) -> dict[str, float]:
  """Returns a summary in the unit of its metric, with six decimals.

  Args:
    metric: its name.
    summary: in fractions.

  >>> cell('accuracy', {'mean': 0.5, 'std': 0.01, 'n': 3})
  {'mean': 50.0, 'std': 1.0, 'n': 3}
  """
  found = find(metric)
  scale = 100 if found is None or found.unit == '%' else 1
  return {
    'mean': round(scale * summary['mean'], 6),
    'std': round(scale * summary['std'], 6),
    'n': summary['n'],
  }


def distinct(settings: Sequence[Storage]) -> list[Storage]:
  """Lists settings that differ, in order."""
  return list({repr(one): one for one in settings}.values())
