"""How trust grew, division by division: a table and a plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rdd_jax.report.html import figure, grid

Row = Mapping[str, float | None]

NAMES = {
  'trusted': 'trusted',
  'recalled': 'recalled',
  'precision': 'of trusted, right',
  'recall': 'of right, trusted',
  'recall_worst_class': 'in the worst class',
  'relabelled': 'of recalled, right',
  'noise': 'wrong in what counts',
}


def trust_table(rows: Sequence[Row]) -> str:
  """Shares in per cent, a line for each division."""
  groups = [name for name in rows[0] if name.startswith('recall_group_')]
  titles = {**NAMES, **{name: f'in group {name[13:]}' for name in groups}}
  names = [name for name in titles if name in rows[0]]
  return grid(
    [titles[name] for name in names],
    {
      f'division {i}': [_share(row[name]) for name in names]
      for i, row in enumerate(rows)
    },
    caption='Per cent of rows.',
  )


def trust_plot(rows: Sequence[Row]) -> str:
  """An inline SVG: the trusted rows, and the recalled ones above them."""
  if len(rows) < 2:
    return ''
  trusted = [row['trusted'] or 0.0 for row in rows]
  both = [(row['trusted'] or 0.0) + (row['recalled'] or 0.0) for row in rows]

  def line(shares: Sequence[float], colour: str) -> str:
    points = ' '.join(
      f'{60 + 630 * i / (len(shares) - 1):.1f},{190 - 175 * share:.1f}'
      for i, share in enumerate(shares)
    )
    return (
      f'<polyline points="{points}" fill="none" stroke="{colour}" '
      'stroke-width="1.5"/>'
    )

  return figure(
    '<svg viewBox="0 0 700 220" role="img" aria-label="rows that count">'
    '<path d="M60 15V190H690" fill="none" stroke="var(--line)"/>'
    + line(both, 'var(--soft)')
    + line(trusted, 'var(--hue)')
    + '<text x="54" y="19" text-anchor="end">100 %</text>'
    '<text x="54" y="194" text-anchor="end">0</text>'
    '<text x="60" y="210">division 0</text>'
    f'<text x="690" y="210" text-anchor="end">{len(rows) - 1}</text>'
    '<text x="375" y="210" text-anchor="middle">trusted, and with recalled '
    'rows</text></svg>'
  )


def _share(value: float | None) -> str:
  return '-' if value is None else f'{100 * value:.1f}'
