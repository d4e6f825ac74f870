"""One page that shows a run: numbers, images, loss, and how to repeat it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
import json
import math
from pathlib import Path
from typing import Any

from rdd_jax.report.groups import group_table
from rdd_jax.report.html import (
  METRICS,
  document,
  entry,
  grid,
  image,
  pre,
  section,
)
from rdd_jax.report.outside import histogram, outside_tables, roc_plot
from rdd_jax.report.shift import shift_table
from rdd_jax.report.trust import trust_plot, trust_table


def write_report(directory: Path, *, title: str, command: str) -> Path:
  """Writes `report.html` from what a work directory holds.

  It needs no network and no other file. Parts whose files are not there are
  left out: `results.json`, `grid.png`, `trust.json`, `distrusted.png`,
  `groups.json`, `groups.png`,
  `curves/distilled.json`, `metrics.jsonl`, `config.json` and `card.json`.

  Args:
    directory: the work directory.
    title: of the page.
    command: that repeats the run.

  Returns:
    The path of the page.
  """
  results = _json(directory / 'results.json')
  card = _json(directory / 'card.json')
  config = _json(directory / 'config.json')
  parts = [section('Command', pre(command))]
  if config:
    text = pre(json.dumps(config, indent=2))
    parts.append(f'<details><summary>Config</summary>{text}</details>')
  if card.get('versions'):
    versions = {**card['versions'], 'git': card.get('git')}
    text = ', '.join(f'{k} {v}' for k, v in versions.items() if v)
    parts.append(f'<p class="soft">{escape(text)}</p>')
  curve = loss_curve(_losses(directory / 'metrics.jsonl'))
  if curve:
    parts.insert(0, section('Loss', curve))
  trust = _json(directory / 'trust.json')
  if trust:
    worst = image(directory / 'distrusted.png', 'distrusted images')
    if worst:
      worst = (
        '<p>Most distrusted, by the label as given, the proposed one below '
        f'each:</p>{worst}'
      )
    body = trust_plot(trust) + trust_table(trust) + worst
    parts.insert(0, section('Trust', body))
  if results.get('shift'):
    body = shift_table(results['rows'], results['shift'])
    parts.insert(0, section('Under shift', body))
  groups = _json(directory / 'groups.json')
  if groups:
    rare = image(directory / 'groups.png', 'rows of the smallest groups')
    if rare:
      rare = f'<p>Rows of the smallest group of each class:</p>{rare}'
    body = group_table(groups, card.get('class_names', ())) + rare
    parts.insert(0, section('Groups', body))
  if results.get('outside'):
    body = outside_tables(results['rows'], results['outside'])
    curves = _json(directory / 'curves' / 'distilled.json')
    for score in curves:
      body += histogram(curves, score) + roc_plot(curves, score)
    parts.insert(0, section('Out of distribution', body))
  grid = image(directory / 'grid.png', 'synthetic images')
  if grid:
    parts.insert(0, section('Images', grid))
  if results.get('rows'):
    by_class = class_table(results['rows'], card.get('class_names', ()))
    parts.insert(
      0,
      table(results['rows'])
      + f'<details><summary>Accuracy by class</summary>{by_class}</details>',
    )
  page = directory / 'report.html'
  page.write_text(document(title, '\n'.join(parts)), encoding='utf-8')
  return page


def table(rows: Mapping[str, Mapping[str, Any]]) -> str:
  """Mean ± standard deviation, in per cent, of each metric of each row.

  Of many metrics, those that have a name here; classes and sets from elsewhere
  have tables of their own.
  """
  seen = {metric for row in rows.values() for metric in row}
  metrics = [m for m in METRICS if m in seen]
  cells = {
    f'{"*" if name == "distilled" else ""}{escape(name.replace("_", "-"))} '
    f'<small>n = {max((s["n"] for s in row.values()), default=0)}</small>': [
      entry(row.get(m)) for m in metrics
    ]
    for name, row in rows.items()
  }
  return grid(
    [METRICS[m] for m in metrics],
    cells,
    caption='Per cent, mean ± standard deviation over n networks.',
  )


def class_table(
  rows: Mapping[str, Mapping[str, Any]], class_names: Sequence[str]
) -> str:
  """Mean accuracy in per cent: a line for each class, a column for each row."""
  cells = {
    escape(name): [entry(row.get(f'class_{c}')) for row in rows.values()]
    for c, name in enumerate(class_names)
  }
  return grid(
    [escape(name.replace('_', '-')) for name in rows],
    cells,
    caption='Accuracy of each class, per cent.',
  )


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
  return (
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


def _losses(path: Path) -> list[tuple[float, float]]:
  points = []
  for line in path.read_text().splitlines() if path.exists() else []:
    try:
      row = json.loads(line)
    except json.JSONDecodeError:  # the line that a killed run left unfinished
      continue
    if math.isfinite(row.get('loss', math.nan)) and 'step' in row:
      points.append((row['step'], row['loss']))
  return points


def _json(path: Path) -> Any:
  return json.loads(path.read_text()) if path.exists() else {}
