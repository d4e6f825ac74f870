"""The table of accuracy under shift: clusters, corruptions, attacks."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from rdd_jax.evaluation.lookup import title
from rdd_jax.report.html import entry, grid

Rows = Mapping[str, Mapping[str, Any]]


def shift_table(rows: Rows, shift: Mapping[str, Any]) -> str:
  """Tabulates accuracy in per cent: a line for each shift, arms in columns.

  Args:
    rows: of `results.json`.
    shift: likewise.
  """
  lines = {}
  for name, found in shift['clusters'].items():
    note = f'{len(found["sizes"])} clusters'
    lines |= {f'{name}_min': note, f'{name}_mean': note}
  if shift['density']:
    lines |= {f'density_{i}': '' for i in range(1, 11)}
  graded = {s['kind']: s for s in shift['sets'] if s['severity']}
  lines |= {s['kind']: '' for s in shift['sets'] if not s['severity']}
  if graded:
    levels = sorted({s['severity'] for s in shift['sets']} - {0})
    means = [f'severity_{s}' for s in levels]
    lines |= dict.fromkeys(
      ['corrupted', *(f'corrupted_{k}' for k in graded), *means], ''
    )
  lines |= {
    a['name']: f'radius {255 * a["radius"]:.3g} / 255, {a["steps"]} step(s)'
    for a in shift['attacks']
  }
  counts = {s['rows'] for s in [*graded.values(), *shift['attacks']]}
  some = ''.join(f' Corrupted and attacked: {n:,} test rows.' for n in counts)
  return grid(
    [escape(arm.replace('_', '-')) for arm in rows],
    {
      _head(name, note): [entry(row.get(name)) for row in rows.values()]
      for name, note in lines.items()
    },
    caption=(
      'Accuracy, per cent, mean ± standard deviation over networks, never the '
      f'best.{some}'
    ),
  )


def _head(name: str, note: str) -> str:
  head = escape(title(name))
  return f'{head} <small>{escape(note)}</small>' if note else head
