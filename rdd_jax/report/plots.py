"""The losses of a run: one curve."""

from __future__ import annotations

from collections.abc import Sequence
import json
import math
from pathlib import Path

from rdd_jax.report.html import figure


def loss_curve(points: Sequence[tuple[float, float]], bins: int = 400) -> str:
  """An inline SVG of losses over steps, log scale where all are positive.

  Thinned to the mean of each of at most `bins` stretches; '' without points.
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

  def place(x: float, y: float) -> str:
    across = 60 + 630 * (x - start) / ((end - start) or 1)
    return f'{across:.1f},{190 - 175 * (y - low) / ((high - low) or 1):.1f}'

  line = ' '.join(place(x, y) for x, y in zip(steps, ys, strict=True))
  return figure(
    '<svg viewBox="0 0 700 220" role="img" aria-label="loss over steps">'
    '<path d="M60 15V190H690" fill="none" stroke="var(--line)"/>'
    f'<polyline points="{line}" fill="none" stroke="var(--hue)" '
    'stroke-width="1.5"/>'
    f'<text x="54" y="19" text-anchor="end">{max(means):.3g}</text>'
    f'<text x="54" y="194" text-anchor="end">{min(means):.3g}</text>'
    f'<text x="60" y="210">step {start:g}</text>'
    f'<text x="690" y="210" text-anchor="end">{end:g}</text>'
    f'<text x="375" y="210" text-anchor="middle">'
    f'{"log scale" if log else ""}</text></svg>'
  )


def read_losses(path: Path) -> list[tuple[float, float]]:
  """(step, loss) of each line of `metrics.jsonl` that has a finite loss."""
  points = []
  for line in path.read_text().splitlines() if path.exists() else []:
    try:
      row = json.loads(line)
    except json.JSONDecodeError:  # the line that a killed run left unfinished
      continue
    if math.isfinite(row.get('loss', math.nan)) and 'step' in row:
      points.append((row['step'], row['loss']))
  return points
