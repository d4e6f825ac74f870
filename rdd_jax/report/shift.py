"""Tabulates accuracy under shift: clusters, corruptions, attacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rdd_jax.evaluation.lookup import title
from rdd_jax.report.table import Cell, Line, Table, arm, entry

Rows = Mapping[str, Mapping[str, Any]]


def shift_table(rows: Rows, shift: Mapping[str, Any]) -> Table:
  """Tabulates accuracy in per cent: a line for each shift, arms in columns.

  Args:
    rows: of `results.json`.
    shift: likewise.
  """
  notes = {}
  for name, found in shift['clusters'].items():
    note = f'{len(found["sizes"])} clusters'
    notes |= {f'{name}_min': note, f'{name}_mean': note}
  if shift['density']:
    notes |= {f'density_{i}': '' for i in range(1, 11)}
  graded = {s['kind']: s for s in shift['sets'] if s['severity']}
  notes |= {s['kind']: '' for s in shift['sets'] if not s['severity']}
  if graded:
    means = [f'severity_{s}' for s in levels(shift)]
    notes |= dict.fromkeys(
      ['corrupted', *(f'corrupted_{k}' for k in graded), *means], ''
    )
  notes |= {
    a['name']: f'radius {255 * a["radius"]:.3g} / 255, {a["steps"]} step(s)'
    for a in shift['attacks']
  }
  counts = {s['rows'] for s in [*graded.values(), *shift['attacks']]}
  some = ''.join(f' Corrupted and attacked: {n:,} test images.' for n in counts)
  return Table(
    'Accuracy under shift',
    [arm(name) for name in rows],
    [
      Line(title(m), [Cell(entry(row.get(m))) for row in rows.values()], note)
      for m, note in notes.items()
    ],
    'Accuracy, per cent, mean ± standard deviation over networks, never the '
    f'best.{some}',
  )


def levels(shift: Mapping[str, Any]) -> list[int]:
  """Lists the severities of corruption that were evaluated.

  >>> levels({'sets': [{'severity': 3}, {'severity': 0}, {'severity': 1}]})
  [1, 3]
  """
  return sorted({s['severity'] for s in shift['sets']} - {0})
