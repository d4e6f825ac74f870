"""Which groups were found in each class: a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

TITLES = {
  'share': 'smallest group, %',
  'separation': 'separation',
  'precision': 'of it, rare, %',
  'recall': 'of rare, in it, %',
}


def group_table(
  rows: Sequence[Mapping[str, float | None]], class_names: Sequence[str]
) -> str:
  """A line for each class, by number where it has no name."""
  labels = class_names or [str(c) for c in range(len(rows))]
  names = [name for name in TITLES if name in rows[0]]
  head = ''.join(f'<th>{TITLES[name]}</th>' for name in names)
  body = ''.join(
    f'<tr><th>{escape(label)}</th>'
    + ''.join(f'<td>{_cell(name, row[name])}</td>' for name in names)
    + '</tr>\n'
    for label, row in zip(labels, rows, strict=True)
  )
  return (
    '<div class="wide"><table><thead><tr><th>class</th>'
    f'{head}</tr></thead>\n<tbody>{body}</tbody></table></div>\n'
    '<p class="soft">A class whose smallest group is empty was left whole.</p>'
  )


def _cell(name: str, value: float | None) -> str:
  if value is None:
    return '-'
  return f'{value:.1f}' if name == 'separation' else f'{100 * value:.1f}'
