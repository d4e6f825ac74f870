"""Tabulates the numbers that a reader looks for first, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from rdd_jax.evaluation.lookup import find, shown, title
from rdd_jax.evaluation.registry import RANKING
from rdd_jax.report.html import entry, grid

Rows = Mapping[str, Mapping[str, Any]]

WHOLE_RUN = 'all of it'  # what a run with variants is called beside them


def terminal(rows: Rows) -> list[str]:
  """Lists the metrics that the terminal shows, of those that some row has.

  >>> terminal({'distilled': {'class_0': {}, 'ece': {}, 'accuracy': {}}})
  ['accuracy', 'ece']
  """
  return shown('terminal', measured(rows))


def summary_table(rows: Rows, against: str = 'random') -> str:
  """Tabulates mean ± standard deviation of each metric, beside a baseline's.

  Of many metrics, those that have a name here; classes and out-of-distribution
  sets have tables of their own.

  Args:
    rows: of `results.json`.
    against: the row whose means are taken from those of the others, in small.
  """
  metrics = shown('summary', measured(rows))
  small = f' Small: points more than {against}.' if against in rows else ''
  return grid(
    [escape(title(m)) for m in metrics],
    {
      _label(name, rows[name]): _cells(rows, name, metrics, against)
      for name in rows
    },
    caption=f'Per cent, mean ± standard deviation over n networks.{small}',
  )


def label(name: str, row: Mapping[str, Any], *, set_off: bool) -> str:
  """Formats the head of a line of a `grid`, and how many networks it is over.

  Args:
    name: of the line.
    row: metric to summary.
    set_off: whether the line is set off from the others.
  """
  count = max((s['n'] for s in row.values()), default=0)
  return f'{"*" if set_off else ""}{escape(name)} <small>n = {count}</small>'


def _label(name: str, row: Mapping[str, Any]) -> str:
  own = name in ('distilled', WHOLE_RUN)
  return label(name.replace('_', '-'), row, set_off=own)


def _cells(
  rows: Rows, name: str, metrics: Sequence[str], against: str
) -> list[str]:
  base = {} if name == against else rows.get(against, {})
  return [
    entry(rows[name].get(m)) + beside(rows[name].get(m), base.get(m))
    for m in metrics
  ]


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
  ' <small>+25.0</small>'
  """
  if summary is None or base is None:
    return ''
  return f' <small>{100 * (summary["mean"] - base["mean"]):+.1f}</small>'


def variants_table(found: Mapping[str, Mapping[str, Any]]) -> str:
  """Tabulates each baseline and variant: numbers, trust, and what it took.

  Args:
    found: as `variants.json`: name to `row` and `cost`.
  """
  rows = {name: one['row'] for name, one in found.items()}
  metrics = shown('ablations', measured(rows))
  cells = {
    _label(name, one['row']): [
      *_cells(rows, name, metrics, 'plain'),
      *([f'{x:,.0f}' for x in spent(one['cost'])] or ['', '']),
    ]
    for name, one in found.items()
  }
  return grid(
    [*(escape(title(m)) for m in metrics), 'seconds', 'MiB'],
    cells,
    caption='Per cent, mean ± standard deviation over n networks. Small: '
    'points more than plain. Seconds with judging; what one compiled, later '
    'ones need not. Memory: the peak of the process so far.',
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


def glossary(rows: Rows) -> str:
  """Explains the metrics of `summary_table`, behind a heading that opens it."""
  lines = ''
  for name in shown('summary', measured(rows)):
    metric = find(name)
    assert metric is not None
    note = '; less is better' if metric.better == 'lower' else ''
    lines += (
      f'<dt>{escape(metric.title)}</dt><dd>{escape(metric.meaning)}{note}</dd>'
    )
  return (
    '<details><summary>What these numbers mean</summary>'
    f'<dl>{lines}</dl></details>'
  )


def class_table(rows: Rows, class_names: Sequence[str]) -> str:
  """Tabulates mean accuracy in per cent, a line for each class.

  Args:
    rows: name to row, a column each.
    class_names: in the order of the classes.
  """
  cells = {
    escape(name): [entry(row.get(f'class_{c}')) for row in rows.values()]
    for c, name in enumerate(class_names)
  }
  return grid(
    [escape(name.replace('_', '-')) for name in rows],
    cells,
    caption='Accuracy of each class, per cent.',
  )


def networks_table(networks: Mapping[str, Rows]) -> str:
  """Tabulates accuracy of other networks, and of regressions, by arm."""
  arms = list(dict.fromkeys(arm for rows in networks.values() for arm in rows))
  return grid(
    [escape(arm.replace('_', '-')) for arm in arms],
    {
      escape(name): [entry(rows.get(arm, {}).get('accuracy')) for arm in arms]
      for name, rows in networks.items()
    },
    caption='Accuracy, per cent, of networks that were not matched with.',
  )


def ranking_table(scores: Mapping[str, float]) -> str:
  """DD-Ranking's scores, in fractions."""
  return grid(
    ['score'],
    {
      f'{m.title}: {m.meaning}': [f'{scores[m.name]:.3f}']
      for m in RANKING
      if m.name in scores
    },
    caption='DD-Ranking, in fractions, over random rows of this page.',
  )
