"""How a run's networks fare under shift: one table."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from rdd_jax.report.html import entry, grid

Rows = Mapping[str, Mapping[str, Any]]


def shift_table(rows: Rows, shift: Mapping[str, Any]) -> str:
  """Accuracy in per cent: a line for each group or shift, arms in columns.

  Args:
    rows: of `results.json`.
    shift: likewise.
  """
  lines = []
  for name, found in shift['clusters'].items():
    k = len(found['sizes'])
    place = 'features' if name.startswith('feature') else 'pixels'
    lines += [
      (f'worst of {k} clusters of {place}', f'{name}_min'),
      (f'mean of {k} clusters of {place}', f'{name}_mean'),
    ]
  if shift['density']:
    ends = {1: ', the sparsest', 10: ', the densest'}
    lines += [
      (f'tenth {i} by density{ends.get(i, "")}', f'density_{i}')
      for i in range(1, 11)
    ]
  graded = {s['kind']: s for s in shift['sets'] if s['severity']}
  lines += [(s['kind'], s['kind']) for s in shift['sets'] if not s['severity']]
  if graded:
    lines.append(('<b>mean of corruptions</b>', 'corrupted'))
    lines += [(k.replace('_', ' '), f'corrupted_{k}') for k in graded]
    levels = sorted({s['severity'] for s in shift['sets']} - {0})
    lines += [(f'severity {s}', f'severity_{s}') for s in levels]
  lines += [
    (
      f'{a["name"].partition("_")[0].upper()}, radius '
      f'{255 * a["radius"]:.3g} / 255, {a["steps"]} step(s)',
      a['name'],
    )
    for a in shift['attacks']
  ]
  counts = {s['rows'] for s in [*graded.values(), *shift['attacks']]}
  some = ''.join(f' Corrupted and attacked: {n:,} test rows.' for n in counts)
  return grid(
    [escape(arm.replace('_', '-')) for arm in rows],
    {
      title: [entry(row.get(metric)) for row in rows.values()]
      for title, metric in lines
    },
    caption=(
      'Accuracy, per cent, mean ± standard deviation over networks, never the '
      f'best.{some}'
    ),
  )
