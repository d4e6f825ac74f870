"""Which groups were found in each class: a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from rdd_jax.report.html import grid

TITLES = {
  'share': 'set apart, %',
  'separation': 'separation',
  'precision': 'of these, rare, %',
  'recall': 'of rare, set apart, %',
}


def group_table(
  rows: Sequence[Mapping[str, float | None]], class_names: Sequence[str]
) -> str:
  """A line for each class, by number where it has no name."""
  labels = class_names or [str(c) for c in range(len(rows))]
  names = [name for name in TITLES if name in rows[0]]
  return grid(
    [TITLES[name] for name in names],
    {
      escape(label): [_cell(name, row[name]) for name in names]
      for label, row in zip(labels, rows, strict=True)
    },
    caption='Apart are all groups of a class but its largest; of a class that '
    'was left whole there are none.',
  )


def _cell(name: str, value: float | None) -> str:
  if value is None:
    return '-'
  return f'{value:.1f}' if name == 'separation' else f'{100 * value:.1f}'
