"""One page that shows several runs side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from rdd_jax.report.html import METRICS, document, entry, grid, image, section
from rdd_jax.report.tables import label


class Shown(NamedTuple):
  """A run, as the page shows it.

  Attributes:
    name: that tells it apart.
    directory: holds `grid.png`.
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
  """Returns the page, which needs no network and no other file.

  Args:
    runs: in the order of the table.
    rows: name to arm and summaries of metrics.
    paired: name to metric to a difference: mean, least, greatest, seeds.
    against: what those are differences from.
    fields: of the configurations that differ: the value in each run.
    notes: on what is not shown.
  """
  seen = dict.fromkeys(metric for _, row in rows.values() for metric in row)
  # Classes and single sets would be columns without end.
  metrics = [m for m in METRICS if m in seen]
  metrics += [m for m in seen if m not in METRICS and _plain(m)]
  parts = [f'<p class="soft">{escape(note)}</p>' for note in notes]
  parts.append(_summary(rows, metrics))
  if paired:
    body = _differences(paired, against, metrics)
    parts.append(section(f'Against {against}, seed by seed', body))
  if fields:
    parts.append(section('What differs', _fields(runs, fields)))
  if any(run.cost for run in runs):
    parts.append(section('What it took', _costs(runs)))
  pictures = [
    f'<h3>{escape(run.name)}</h3>{picture}'
    for run in runs
    if (picture := image(run.directory / 'grid.png', f'images of {run.name}'))
  ]
  if pictures:
    parts.append(section('Images', '\n'.join(pictures)))
  where = ''.join(f'<li>{escape(str(run.directory))}</li>' for run in runs)
  parts.append(section('Directories', f'<ul class="soft">{where}</ul>'))
  return document(f'{len(runs)} runs', '\n'.join(parts))


def _summary(
  rows: Mapping[str, tuple[str, Mapping[str, Any]]], metrics: Sequence[str]
) -> str:
  cells = {
    label(name, row, set_off=arm == 'distilled'): [
      entry(row.get(m)) for m in metrics
    ]
    for name, (arm, row) in rows.items()
  }
  return grid(
    [_head(m) for m in metrics],
    cells,
    caption='Per cent, mean ± standard deviation over n networks. Distilled '
    'sets are set off; a baseline that is the same in all runs stands once.',
  )


def _differences(
  paired: Mapping[str, Mapping[str, tuple[float, float, float, int]]],
  against: str,
  metrics: Sequence[str],
) -> str:
  def cell(found: tuple[float, float, float, int] | None) -> str:
    if found is None:
      return '-'
    mean, least, greatest, n = found
    spread = f' [{100 * least:+.1f}, {100 * greatest:+.1f}]' if n > 1 else ''
    return f'{100 * mean:+.1f}{spread}'

  shown = [m for m in metrics if any(m in row for row in paired.values())]
  cells = {
    f'{escape(name)} <small>{max((d[3] for d in row.values()), default=0)} '
    'seeds</small>': [cell(row.get(m)) for m in shown]
    for name, row in paired.items()
  }
  return grid(
    [_head(m) for m in shown],
    cells,
    caption=f'Points of difference from {escape(against)} over the '
    'distillation seeds of both: mean [least, greatest].',
  )


def _fields(runs: Sequence[Shown], fields: Mapping[str, Sequence[Any]]) -> str:
  cells = {
    escape(field): ['-' if v is None else escape(str(v)) for v in values]
    for field, values in fields.items()
  }
  return grid(
    [escape(run.name) for run in runs],
    cells,
    caption='Fields of the configurations that are not the same in all runs.',
  )


def _costs(runs: Sequence[Shown]) -> str:
  stages = dict.fromkeys(s for r in runs for s in r.cost.get('seconds', {}))

  def size(run: Shown, kind: str) -> str:
    found = run.cost.get('memory', {}).get(kind)
    return '-' if found is None else f'{found / 2**20:,.0f}'

  def seconds(value: float | None) -> str:
    return '-' if value is None else f'{value:,.1f}'

  cells = {
    escape(run.name): [
      seconds(run.cost.get('total')),
      *(seconds(run.cost.get('seconds', {}).get(s)) for s in stages),
      size(run, 'resident'),
      size(run, 'device'),
    ]
    for run in runs
  }
  return grid(
    ['in all', *map(escape, stages), 'resident', 'device'],
    cells,
    caption='Seconds, and MiB at the peak, of the process and of its device.',
  )


def _plain(metric: str) -> bool:
  return '@' not in metric and not metric.startswith('class_')


def _head(metric: str) -> str:
  return escape(METRICS.get(metric, metric.replace('_', ' ')))
