"""Renders several runs side by side as one HTML page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from rdd_jax.artifact import store
from rdd_jax.core.errors import UserError
from rdd_jax.evaluation.lookup import shown, title
from rdd_jax.report import charts
from rdd_jax.report.blocks import Charts, Listed, Section, Text
from rdd_jax.report.cost import costs_table
from rdd_jax.report.drawing import Drawing
from rdd_jax.report.pictures import Pictures, beside, by_class, one_each
from rdd_jax.report.render import render
from rdd_jax.report.table import Cell, Line, Table, plain
from rdd_jax.report.tables import line


class Shown(NamedTuple):
  """Holds a run as the page shows it.

  Attributes:
    name: tells it apart from the others.
    directory: holds the distilled set.
    cost: as `cost.json`; {} where it is not known.
  """

  name: str
  directory: Path
  cost: Mapping[str, Any]


def comparison_page(
  runs: Sequence[Shown],
  rows: Mapping[str, tuple[str, Mapping[str, Any]]],
  paired: Mapping[str, Mapping[str, tuple[float, float, float, int]]],
  against: str,
  fields: Mapping[str, Sequence[Any]],
  notes: Sequence[str] = (),
) -> str:
  """Renders the page, which needs no network and no other file.

  Args:
    runs: in the order of the table.
    rows: name to arm and summaries of metrics.
    paired: name to metric to a difference: mean, least, greatest, seeds.
    against: the method that is subtracted.
    fields: fields of the configurations that differ, to the value in each run.
    notes: lines on runs that are not shown.

  Returns:
    HTML.
  """
  seen = dict.fromkeys(metric for _, row in rows.values() for metric in row)
  # Classes and single sets would be columns without end.
  metrics = shown('summary', seen)
  metrics += [m for m in seen if m not in metrics and _plain(m)]
  draw = Drawing(None)
  numbers = {name: row for name, (_, row) in rows.items()}
  chart = charts.bought(draw, numbers, runs[0].name, runs[0].name)
  costs = {run.name: run.cost for run in runs}
  took = charts.cost(draw, costs)
  sections = [
    Section(
      'Results',
      [
        *(Text(note, soft=True) for note in notes),
        *([Charts(chart)] if chart else []),
        _summary(rows, metrics),
      ],
    ),
    Section(
      f'Against {against}, seed by seed',
      [_differences(paired, against, metrics)] if paired else [],
    ),
    Section('What differs', [_fields(runs, fields)] if fields else []),
    Section('Images', _pictures(runs)),
    Section(
      'What it took',
      [*([Charts(took)] if took else []), costs_table(costs)]
      if any(costs.values())
      else [],
    ),
    Section(
      'Directories',
      [Listed('Of the runs, in their order', [str(r.directory) for r in runs])],
    ),
  ]
  return render(
    'page.html',
    title=f'{len(runs)} runs',
    sections=[section for section in sections if section.blocks],
    files=[],
  )


def _pictures(runs: Sequence[Shown]) -> list[Pictures]:
  """Shows the synthetic images of each run, of those that can be read.

  Sets of one image for each class are in one table, if they are alike.
  """
  sets = []
  for run in runs:
    with suppress(UserError):
      sets.append((run.name, store.load(run.directory)))
  kinds = {
    (tuple(x.card['class_names']), x.images.shape, tuple(sorted(x.cells)))
    for _, x in sets
  }
  if len(kinds) == 1 and one_each(sets[0][1].cells):
    named = [(name, x.images, x.cells) for name, x in sets]
    return [beside(named, sets[0][1].card['class_names'], 'Synthetic images')]
  found = [
    (name, by_class(x.images, x.cells, x.card['class_names'], f'Of {name}'))
    for name, x in sets
  ]
  return [p._replace(caption=f'{name}. {p.caption}') for name, p in found]


def _summary(
  rows: Mapping[str, tuple[str, Mapping[str, Any]]], metrics: Sequence[str]
) -> Table:
  numbers = {name: row for name, (_, row) in rows.items()}
  return Table(
    'All runs',
    [title(m) for m in metrics],
    [
      line(name, numbers, metrics)._replace(own=arm == 'distilled', name=name)
      for name, (arm, _) in rows.items()
    ],
    'Per cent, mean ± standard deviation over n networks. Distilled sets are '
    'set off; a baseline that is the same in all runs stands once.',
  )


def _differences(
  paired: Mapping[str, Mapping[str, tuple[float, float, float, int]]],
  against: str,
  metrics: Sequence[str],
) -> Table:
  def cell(found: tuple[float, float, float, int] | None) -> Cell:
    if found is None:
      return Cell('-')
    mean, least, greatest, n = found
    spread = f' [{100 * least:+.1f}, {100 * greatest:+.1f}]' if n > 1 else ''
    return Cell(f'{100 * mean:+.1f}{spread}')

  columns = [m for m in metrics if any(m in row for row in paired.values())]
  return Table(
    'Differences',
    [title(m) for m in columns],
    [
      Line(
        name,
        [cell(row.get(m)) for m in columns],
        f'{max((d[3] for d in row.values()), default=0)} seeds',
      )
      for name, row in paired.items()
    ],
    f'Points of difference from {against} over the distillation seeds of '
    'both: mean [least, greatest].',
  )


def _fields(
  runs: Sequence[Shown], fields: Mapping[str, Sequence[Any]]
) -> Table:
  return plain(
    'Fields that differ',
    [run.name for run in runs],
    {
      field: ['-' if v is None else str(v) for v in values]
      for field, values in fields.items()
    },
    'Fields of the configurations that are not the same in all runs.',
  )


def _plain(metric: str) -> bool:
  return '@' not in metric and not metric.startswith('class_')
