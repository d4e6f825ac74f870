"""How a run's networks fare under shift: one table."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

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
  head = ''.join(f'<th>{escape(arm.replace("_", "-"))}</th>' for arm in rows)
  body = ''.join(
    f'<tr><th>{title}</th>'
    + ''.join(f'<td>{_entry(row.get(metric))}</td>' for row in rows.values())
    + '</tr>\n'
    for title, metric in lines
  )
  counts = {s['rows'] for s in [*graded.values(), *shift['attacks']]}
  some = ''.join(f' Corrupted and attacked: {n:,} test rows.' for n in counts)
  return (
    f'<div class="wide"><table><thead><tr><th></th>{head}</tr></thead>\n'
    f'<tbody>{body}</tbody></table></div>\n<p class="soft">Accuracy, per cent, '
    f'mean ± standard deviation over networks, never the best.{some}</p>'
  )


def _entry(summary: Mapping[str, Any] | None) -> str:
  if summary is None:
    return '-'
  spread = f' ± {100 * summary["std"]:.1f}' if summary['n'] > 1 else ''
  return f'{100 * summary["mean"]:.1f}{spread}'
