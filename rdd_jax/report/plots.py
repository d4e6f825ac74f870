"""Inline SVG plots: losses, trust, and out-of-distribution detection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
import json
import math
from pathlib import Path
from typing import Any

from rdd_jax.evaluation.registry import SCORES
from rdd_jax.report.html import figure

HUES = ('#1f6feb', '#d1741f', '#2f9e59', '#b83280', '#7a5cd6', '#8a8f98')
WIDTH, WITH_LEGEND, HEIGHT = 630, 430, 175  # of the axes


def loss_curve(points: Sequence[tuple[float, float]], bins: int = 400) -> str:
  """Draws losses over steps, on a log scale where all are positive.

  Args:
    points: step and loss.
    bins: at most so many stretches, the mean of each of which is drawn.

  Returns:
    An SVG; '' for fewer than two points.
  """
  if len(points) < 2:
    return ''
  size = math.ceil(len(points) / bins)
  chunks = [points[i : i + size] for i in range(0, len(points), size)]
  steps = [chunk[-1][0] for chunk in chunks]
  means = [sum(y for _, y in chunk) / len(chunk) for chunk in chunks]
  log = min(means) > 0
  ys = [math.log(y) if log else y for y in means]
  low, high, start, end = min(ys), max(ys), steps[0], steps[-1]
  across = [(x - start) / ((end - start) or 1) for x in steps]
  up = [(y - low) / ((high - low) or 1) for y in ys]
  return _frame(
    'loss over steps',
    _line(zip(across, up, strict=True), 'var(--hue)'),
    ends=(f'{min(means):.3g}', f'{max(means):.3g}'),
    below=(f'step {start:g}', 'log scale' if log else '', f'{end:g}'),
  )


def read_losses(path: Path) -> list[tuple[float, float]]:
  """Reads (step, loss) of each line of `metrics.jsonl` with a finite loss."""
  points = []
  for line in path.read_text().splitlines() if path.exists() else []:
    try:
      row = json.loads(line)
    except json.JSONDecodeError:  # the line that a killed run left unfinished
      continue
    if math.isfinite(row.get('loss', math.nan)) and 'step' in row:
      points.append((row['step'], row['loss']))
  return points


def trust_plot(rows: Sequence[Mapping[str, float | None]]) -> str:
  """Draws the share of trusted rows, and of relabeled ones above them.

  Args:
    rows: of `trust.json`.

  Returns:
    An SVG; '' for fewer than two divisions.
  """
  if len(rows) < 2:
    return ''
  trusted = [row['trusted'] or 0.0 for row in rows]
  both = [(row['trusted'] or 0.0) + (row['recalled'] or 0.0) for row in rows]
  across = [i / (len(rows) - 1) for i in range(len(rows))]
  return _frame(
    'rows that count',
    _line(zip(across, both, strict=True), 'var(--soft)')
    + _line(zip(across, trusted, strict=True), 'var(--hue)'),
    ends=('0', '100 %'),
    below=('division 0', 'trusted, and with relabeled rows', len(rows) - 1),
  )


def histogram(curves: Mapping[str, Any], score: str) -> str:
  """Draws how often a score is reached by in-distribution rows and by each set.

  Args:
    curves: as `evaluation.ood.curves.curves` returns them.
    score: a key of `curves`.
  """
  shares, edges = curves[score]['histograms'], curves[score]['edges']
  top = max(max(values) for values in shares.values()) or 1.0
  drawn = {
    name: [((j + 0.5) / len(v), y / top) for j, y in enumerate(v)]
    for name, v in shares.items()
  }
  title = SCORES[score][0]
  return _frame(
    f'histogram of {title}',
    _lines(drawn, first=0),
    below=(f'{edges[0]:.3g}', title, f'{edges[-1]:.3g}'),
    width=WITH_LEGEND,
  )


def roc_plot(curves: Mapping[str, Any], score: str) -> str:
  """Draws a receiver operating characteristic for each set.

  Args:
    curves: as `evaluation.ood.curves.curves` returns them.
    score: a key of `curves`.
  """
  title = SCORES[score][0]
  return _frame(
    f'ROC of {title}',
    _lines(curves[score]['roc'], first=1),
    ends=('0', '1'),
    below=('', f'false and true (upwards) positive rate of {title}', ''),
    width=WITH_LEGEND,
  )


def _frame(
  label: str,
  body: str,
  *,
  ends: tuple[str, str] = ('', ''),
  below: tuple[Any, Any, Any] = ('', '', ''),
  width: int = WIDTH,
) -> str:
  """Axes around what is drawn, with text at their ends and below them."""
  places = (
    (54, 194, 'end', ends[0]),
    (54, 19, 'end', ends[1]),
    (60, 210, 'start', below[0]),
    (60 + width // 2, 210, 'middle', below[1]),
    (60 + width, 210, 'end', below[2]),
  )
  words = ''.join(
    f'<text x="{x}" y="{y}" text-anchor="{anchor}">{escape(str(text))}</text>'
    for x, y, anchor, text in places
    if text != ''
  )
  return figure(
    f'<svg viewBox="0 0 700 220" role="img" aria-label="{escape(label)}">'
    f'<path d="M60 15V190H{60 + width}" fill="none" stroke="var(--line)"/>'
    f'{body}{words}</svg>'
  )


def _line(
  points: Iterable[Sequence[float]],
  color: str,
  *,
  width: int = WIDTH,
  style: str = 'stroke-width="1.5"',
) -> str:
  """A line through points of the unit square."""
  places = ' '.join(
    f'{60 + width * x:.1f},{190 - HEIGHT * y:.1f}' for x, y in points
  )
  return f'<polyline points="{places}" fill="none" stroke="{color}" {style}/>'


def _lines(drawn: Mapping[str, Sequence[Any]], *, first: int) -> str:
  """A line for each name, with a legend; number 0, the data, is in ink."""
  out = ''
  for i, (name, points) in enumerate(drawn.items(), first):
    color = HUES[(i - 1) % len(HUES)] if i else 'var(--ink)'
    style = f'stroke-width="{1.2 if i else 2.5}"'
    style += ' stroke-dasharray="5 3"' if i > len(HUES) else ''
    y = 22 + 15 * i
    out += _line(points, color, width=WITH_LEGEND, style=style)
    out += (
      f'<path d="M505 {y - 4}h18" stroke="{color}" stroke-width="2"/>'
      f'<text x="529" y="{y}">{escape(name)}</text>'
    )
  return out
