"""How well a run's networks tell inputs from elsewhere: tables and curves."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from rdd_jax.report.html import entry, figure, grid

Rows = Mapping[str, Mapping[str, Any]]

SCORES = {
  'msp': 'MSP',
  'energy': 'energy',
  'relative_mahalanobis': 'relative Mahalanobis',
}
HUES = ('#1f6feb', '#d1741f', '#2f9e59', '#b83280', '#7a5cd6', '#8a8f98')


def outside_tables(rows: Rows, outside: Mapping[str, Any]) -> str:
  """AUROC in per cent on each set: one table for each of three scores.

  Args:
    rows: of `results.json`.
    outside: likewise; sets that are not averaged are in brackets.
  """
  found = [arm for arm in rows if any('@' in metric for metric in rows[arm])]
  head = [escape(arm.replace('_', '-')) for arm in found]
  tables = ''
  for score, title in SCORES.items():
    end = '' if score == 'msp' else f'_{score}'
    lines = [
      (_title(s), [rows[a].get(f'auroc{end}@{s["name"]}') for a in found])
      for s in outside['sets']
    ]
    lines += [
      (
        f'<b>mean, {place}</b>',
        [rows[a].get(f'{key}auroc{end}') for a in found],
      )
      for place, key in (('far', ''), ('near', 'near_'))
    ]
    tables += grid(
      head,
      {name: [entry(value) for value in values] for name, values in lines},
      caption=f'AUROC, per cent, by {title}.',
    )
  return (
    f'{tables}<p class="soft">{outside["rows"]:,} test '
    'rows against n of each set. Sets in brackets are of a kind that some arm '
    'trained on, and are not in the means.</p>'
  )


def _title(s: Mapping[str, Any]) -> str:
  place = 'near' if s['near'] else 'far'
  name = f'{escape(s["name"])} <small>{place}, n = {s["rows"]:,}</small>'
  return f'({name})' if s['seen'] else name


def histogram(curves: Mapping[str, Any], score: str) -> str:
  """An inline SVG: the score of rows of the data and from each set."""
  shares = curves[score]['histograms']
  edges = curves[score]['edges']
  top = max(max(values) for values in shares.values()) or 1.0
  lines, legend = '', ''
  for i, (name, values) in enumerate(shares.items()):
    points = ' '.join(
      f'{60 + 430 * (j + 0.5) / len(values):.1f},{190 - 170 * v / top:.1f}'
      for j, v in enumerate(values)
    )
    lines += _line(points, i)
    legend += _legend(name, i)
  return _svg(
    f'histogram of {SCORES[score]}',
    lines + legend + f'<text x="60" y="210">{edges[0]:.3g}</text>'
    f'<text x="490" y="210" text-anchor="end">{edges[-1]:.3g}</text>'
    f'<text x="275" y="210" text-anchor="middle">{SCORES[score]}</text>',
  )


def roc_plot(curves: Mapping[str, Any], score: str) -> str:
  """An inline SVG: a receiver operating characteristic for each set."""
  lines, legend = '', ''
  for i, (name, points) in enumerate(curves[score]['roc'].items(), 1):
    drawn = ' '.join(
      f'{60 + 430 * x:.1f},{190 - 175 * y:.1f}' for x, y in points
    )
    lines += _line(drawn, i)
    legend += _legend(name, i)
  return _svg(
    f'ROC of {SCORES[score]}',
    lines + legend + '<text x="54" y="19" text-anchor="end">1</text>'
    '<text x="54" y="194" text-anchor="end">0</text>'
    f'<text x="275" y="210" text-anchor="middle">accepted from elsewhere, '
    f'and of the data (upwards), by {SCORES[score]}</text>',
  )


def _line(points: str, i: int) -> str:
  width = 2.5 if not i else 1.2
  dashes = ' stroke-dasharray="5 3"' if i > len(HUES) else ''
  return (
    f'<polyline points="{points}" fill="none" stroke="{_hue(i)}" '
    f'stroke-width="{width}"{dashes}/>'
  )


def _hue(i: int) -> str:
  """The data itself is drawn in ink."""
  return 'var(--ink)' if not i else HUES[(i - 1) % len(HUES)]


def _legend(name: str, i: int) -> str:
  y = 22 + 15 * i
  return (
    f'<path d="M505 {y - 4}h18" stroke="{_hue(i)}" stroke-width="2"/>'
    f'<text x="529" y="{y}">{escape(name)}</text>'
  )


def _svg(label: str, body: str) -> str:
  return figure(
    f'<svg viewBox="0 0 700 220" role="img" aria-label="{label}">'
    '<path d="M60 15V190H490" fill="none" stroke="var(--line)"/>'
    f'{body}</svg>'
  )
