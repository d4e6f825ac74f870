"""One page that shows a run: numbers, images, loss, and how to repeat it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
import json
import math
from pathlib import Path
from typing import Any

from rdd_jax.report.groups import group_table
from rdd_jax.report.outside import histogram, outside_tables, roc_plot
from rdd_jax.report.shift import shift_table
from rdd_jax.report.trust import trust_plot, trust_table

METRICS = {
  'accuracy': 'accuracy',
  'worst_class': 'worst class',
  'worst_group': 'worst group',
  'group_balanced': 'group-balanced',
  'rare_group': 'rare group',
  'majority_group': 'majority',
  'ece': 'ECE',
  'auroc': 'AUROC',
  'fpr95': 'FPR95',
  'auroc_energy': 'AUROC, energy',
  'near_auroc': 'near AUROC',
  'near_auroc_energy': 'near AUROC, energy',
}
STYLE = """
:root { color-scheme: light dark; --line: #d8dbe0; --soft: #6a7078;
  --hue: #1f6feb; --page: #fff; --ink: #1b1e23; }
@media (prefers-color-scheme: dark) { :root { --line: #343941;
  --soft: #9aa1ab; --hue: #6cb0ff; --page: #14171b; --ink: #e6e8eb; } }
body { margin: 0 auto; max-width: 60rem; padding: 1.5rem 1rem 3rem;
  background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 1rem; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .9rem .3rem 0; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--line); }
th:first-child { text-align: left; font-weight: inherit; }
thead th { color: var(--soft); font-weight: 400; }
tr.distilled { color: var(--hue); font-weight: 600; }
small, .soft { color: var(--soft); }
img { max-width: none; }
svg { width: 100%; height: auto; max-width: 45rem; }
svg text { fill: var(--soft); font-size: 12px; }
pre { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px;
  padding: .7rem; font-size: .85rem; margin: .3rem 0; }
summary { cursor: pointer; }
"""


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
  parts = [_section('Command', _pre(command))]
  if config:
    text = _pre(json.dumps(config, indent=2))
    parts.append(f'<details><summary>Config</summary>{text}</details>')
  if card.get('versions'):
    versions = {**card['versions'], 'git': card.get('git')}
    text = ', '.join(f'{k} {v}' for k, v in versions.items() if v)
    parts.append(f'<p class="soft">{escape(text)}</p>')
  curve = loss_curve(_losses(directory / 'metrics.jsonl'))
  if curve:
    parts.insert(0, _section('Loss', curve))
  trust = _json(directory / 'trust.json')
  if trust:
    worst = _image(directory / 'distrusted.png', 'distrusted images')
    if worst:
      worst = (
        '<p>Most distrusted, by the label as given, the proposed one below '
        f'each:</p>{worst}'
      )
    body = trust_plot(trust) + trust_table(trust) + worst
    parts.insert(0, _section('Trust', body))
  if results.get('shift'):
    body = shift_table(results['rows'], results['shift'])
    parts.insert(0, _section('Under shift', body))
  groups = _json(directory / 'groups.json')
  if groups:
    rare = _image(directory / 'groups.png', 'rows of the smallest groups')
    if rare:
      rare = f'<p>Rows of the smallest group of each class:</p>{rare}'
    body = group_table(groups, card.get('class_names', ())) + rare
    parts.insert(0, _section('Groups', body))
  if results.get('outside'):
    body = outside_tables(results['rows'], results['outside'])
    curves = _json(directory / 'curves' / 'distilled.json')
    for score in curves:
      body += histogram(curves, score) + roc_plot(curves, score)
    parts.insert(0, _section('Out of distribution', body))
  grid = _image(directory / 'grid.png', 'synthetic images')
  if grid:
    parts.insert(0, _section('Images', grid))
  if results.get('rows'):
    by_class = class_table(results['rows'], card.get('class_names', ()))
    parts.insert(
      0,
      table(results['rows'])
      + f'<details><summary>Accuracy by class</summary>{by_class}</details>',
    )
  page = directory / 'report.html'
  page.write_text(
    '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    f'<title>{escape(title)}</title>\n<style>{STYLE}</style>\n'
    f'<h1>{escape(title)}</h1>\n' + '\n'.join(parts) + '\n</html>\n',
    encoding='utf-8',
  )
  return page


def table(rows: Mapping[str, Mapping[str, Any]]) -> str:
  """Mean ± standard deviation, in per cent, of each metric of each row.

  Of many metrics, those that have a name here; classes and sets from elsewhere
  have tables of their own.
  """
  seen = {metric for row in rows.values() for metric in row}
  metrics = [m for m in METRICS if m in seen]
  head = ''.join(
    f'<th>{escape(METRICS.get(m, m.replace("_", " ")))}</th>' for m in metrics
  )
  body = ''
  for name, row in rows.items():
    count = max((s['n'] for s in row.values()), default=0)
    body += (
      f'<tr class="{"distilled" if name == "distilled" else ""}">'
      f'<th>{escape(name.replace("_", "-"))} <small>n = {count}</small></th>'
      + ''.join(f'<td>{_entry(row.get(m))}</td>' for m in metrics)
      + '</tr>\n'
    )
  return (
    f'<div class="wide"><table><thead><tr><th></th>{head}</tr></thead>\n'
    f'<tbody>{body}</tbody></table></div>\n'
    '<p class="soft">Per cent, mean ± standard deviation over n networks.</p>'
  )


def class_table(
  rows: Mapping[str, Mapping[str, Any]], class_names: Sequence[str]
) -> str:
  """Mean accuracy in per cent: a line for each class, a column for each row."""
  head = ''.join(f'<th>{escape(n.replace("_", "-"))}</th>' for n in rows)
  body = ''.join(
    f'<tr><th>{escape(name)}</th>'
    + ''.join(
      f'<td>{_entry(row.get(f"class_{c}"))}</td>' for row in rows.values()
    )
    + '</tr>\n'
    for c, name in enumerate(class_names)
  )
  return (
    f'<div class="wide"><table><thead><tr><th></th>{head}</tr></thead>\n'
    f'<tbody>{body}</tbody></table></div>'
  )


def _entry(summary: Mapping[str, Any] | None) -> str:
  if summary is None:
    return '-'
  spread = f' ± {100 * summary["std"]:.1f}' if summary['n'] > 1 else ''
  return f'{100 * summary["mean"]:.1f}{spread}'


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


def _image(path: Path, what: str) -> str:
  """The picture, embedded; '' where there is none."""
  if not path.exists():
    return ''
  data = base64.b64encode(path.read_bytes()).decode()
  image = f'<img alt="{what}" src="data:image/png;base64,{data}">'
  return f'<div class="wide">{image}</div>'


def _json(path: Path) -> Any:
  return json.loads(path.read_text()) if path.exists() else {}


def _section(title: str, body: str) -> str:
  return f'<h2>{title}</h2>\n{body}'


def _pre(text: str) -> str:
  return f'<pre>{escape(text)}</pre>'
