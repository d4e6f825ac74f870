"""Tabulates the numbers that a reader looks for first, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rdd_jax.evaluation.lookup import find, shown, title
from rdd_jax.evaluation.registry import RANKING
from rdd_jax.report.table import Cell, Line, Table, arm, entry, plain

Rows = Mapping[str, Mapping[str, Any]]

WHOLE_RUN = 'all of it'  # what a run with variants is called beside them


def terminal(rows: Rows) -> list[str]:
  """Lists the metrics that the terminal shows, of those that some row has.

  >>> terminal({'distilled': {'class_0': {}, 'ece': {}, 'accuracy': {}}})
  ['accuracy', 'ece']
  """
  return shown('terminal', measured(rows))


def summary_table(rows: Rows, against: str = 'random') -> Table:
  """Tabulates mean ± standard deviation of each metric, beside a baseline's.

  Of many metrics, those that have a name here; classes and out-of-distribution
  sets have tables of their own.

  Args:
    rows: of `results.json`.
    against: the row whose means are taken from those of the others, in small.
  """
  metrics = shown('summary', measured(rows))
  small = f' Small: points more than {against}.' if against in rows else ''
  return Table(
    'All numbers',
    [title(m) for m in metrics],
    [line(name, rows, metrics, against) for name in rows],
    f'Per cent, mean ± standard deviation over n networks.{small}',
  )


def line(
  name: str, rows: Rows, metrics: Sequence[str], against: str = ''
) -> Line:
  """Makes the line of an arm, and says how many networks it is over.

  Args:
    name: of the arm.
    rows: arm to metric to summary.
    metrics: a column each.
    against: the row whose means are taken from its own, in small; '' for none.
  """
  row = rows[name]
  base = {} if name == against else rows.get(against, {})
  cells = [
    Cell(entry(row.get(m)), beside(row.get(m), base.get(m))) for m in metrics
  ]
  count = max((s['n'] for s in row.values()), default=0)
  own = name in ('distilled', WHOLE_RUN)
  return Line(arm(name), cells, f'n = {count}', own)


def measured(rows: Rows) -> list[str]:
  """Lists the metrics of any row, in the order in which they appear.

  >>> measured({'a': {'ece': {}}, 'b': {'accuracy': {}, 'ece': {}}})
  ['ece', 'accuracy']
  """
  return list(dict.fromkeys(metric for row in rows.values() for metric in row))


def beside(
  summary: Mapping[str, Any] | None, base: Mapping[str, Any] | None
) -> str:
  """Formats the difference of two means in points; '' without both.

  Args:
    summary: of a metric.
    base: of the same metric, for the baseline.

  >>> beside({'mean': 0.5}, {'mean': 0.25})
  '+25.0'
  """
  if summary is None or base is None:
    return ''
  return f'{100 * (summary["mean"] - base["mean"]):+.1f}'


def variants_table(found: Mapping[str, Mapping[str, Any]]) -> Table:
  """Tabulates each baseline and variant, as a page of a desk is wide.

  Args:
    found: as `variants.json`: name to `row` and `cost`.
  """
  rows = {name: one['row'] for name, one in found.items()}
  metrics = [
    m for m in shown('ablations', measured(rows)) if not m.startswith('trust_')
  ]
  return Table(
    'What each part buys',
    [title(m) for m in metrics],
    [line(name, rows, metrics, 'plain') for name in found],
    'Per cent, mean ± standard deviation over n networks. Small: points more '
    'than plain. Trust in labels is below, under all numbers.',
  )


def spent(cost: Mapping[str, Any]) -> tuple[float, ...]:
  """Returns seconds, and MiB of the process at its peak; () where not known."""
  if not cost:
    return ()
  return cost['total'], (cost['memory']['resident'] or 0) / 2**20


def markdown(found: Mapping[str, Mapping[str, Any]]) -> str:
  """Tabulates the same in short, for a README.

  Args:
    found: as `variants.json`.
  """
  rows = {name: one['row'] for name, one in found.items()}
  metrics = shown('ablations', measured(rows))
  lines = [
    ['', *(title(m) for m in metrics), 'seconds', 'MiB'],
    ['---'] * (len(metrics) + 3),
  ]
  for name, one in found.items():
    took = [f'{x:,.0f}' for x in spent(one['cost'])] or ['', '']
    lines.append([name, *(entry(one['row'].get(m)) for m in metrics), *took])
  return ''.join(f'| {" | ".join(line)} |\n' for line in lines)


def glossary(rows: Rows) -> dict[str, str]:
  """Explains the metrics of `summary_table`: title to meaning."""
  found = {}
  for name in shown('summary', measured(rows)):
    metric = find(name)
    assert metric is not None
    note = '; less is better' if metric.better == 'lower' else ''
    found[metric.title] = f'{metric.meaning}{note}'
  return found


def class_table(rows: Rows, class_names: Sequence[str]) -> Table:
  """Tabulates mean accuracy in per cent, a line for each class.

  Args:
    rows: name to row, a column each.
    class_names: in the order of the classes.
  """
  return Table(
    'Accuracy by class',
    [arm(name) for name in rows],
    [
      Line(name, [Cell(entry(row.get(f'class_{c}'))) for row in rows.values()])
      for c, name in enumerate(class_names)
    ],
    'Accuracy of each class, per cent.',
  )


def networks_table(networks: Mapping[str, Rows]) -> Table:
  """Tabulates accuracy of other networks, and of regressions, by arm."""
  arms = list(dict.fromkeys(a for rows in networks.values() for a in rows))
  return plain(
    'Accuracy of other networks',
    [arm(name) for name in arms],
    {
      name: [entry(rows.get(a, {}).get('accuracy')) for a in arms]
      for name, rows in networks.items()
    },
    'Accuracy, per cent, of networks that were not matched with.',
  )


def ranking_table(scores: Mapping[str, float]) -> Table:
  """Tabulates DD-Ranking's scores, in fractions."""
  return plain(
    'DD-Ranking',
    ['score'],
    {
      f'{m.title}: {m.meaning}': [f'{scores[m.name]:.3f}']
      for m in RANKING
      if m.name in scores
    },
    'DD-Ranking, in fractions, over random rows of this page.',
  )
