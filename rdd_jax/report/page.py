"""One page that shows a run: numbers, images, loss, and how to repeat it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
import json
from pathlib import Path
from typing import Any

from rdd_jax.report.cost import cost_table
from rdd_jax.report.groups import group_table, shown_table
from rdd_jax.report.html import document, image, pre, section
from rdd_jax.report.label_noise import DISTRUSTED, doubts_table, trust_table
from rdd_jax.report.ood import ood_tables
from rdd_jax.report.plots import (
  histogram,
  loss_curve,
  read_losses,
  roc_plot,
  trust_plot,
)
from rdd_jax.report.shift import shift_table
from rdd_jax.report.tables import (
  class_table,
  glossary,
  networks_table,
  ranking_table,
  summary_table,
  variants_table,
)


def write_report(directory: Path, *, title: str, command: str) -> Path:
  """Writes `report.html` from what a work directory holds.

  It needs no network and no other file. Parts whose files are not there are
  left out.

  Args:
    directory: the work directory.
    title: of the page.
    command: that repeats the run.

  Returns:
    The path of the page.
  """
  results = _json(directory / 'results.json')
  variants = _json(directory / 'variants.json')
  rows = results.get('rows', {})
  if variants:  # the run's own is one of them
    rows = {name: one['row'] for name, one in variants.items()}
  card = _json(directory / 'card.json')
  config = _json(directory / 'config.json')
  class_names = card.get('class_names', ())
  parts = {
    '': _lead(config, card),
    'What each part buys': variants_table(variants) if variants else '',
    'Results': _results(rows, class_names, bool(variants)),
    'DD-Ranking': (
      ranking_table(results['ranking']) if results.get('ranking') else ''
    ),
    'Images': image(directory / 'grid.png', 'synthetic images'),
    'Out of distribution': _outside(rows, results, directory),
    'Groups': _groups(directory, class_names),
    'Under shift': (
      shift_table(rows, results['shift']) if results.get('shift') else ''
    ),
    'Other networks': (
      networks_table(results['networks']) if results.get('networks') else ''
    ),
    'Trust': _trust(directory),
    'Loss': loss_curve(read_losses(directory / 'metrics.jsonl')),
    'What it took': _cost(directory),
    'To repeat it': _repeat(command, config, card),
  }
  body = '\n'.join(
    section(name, part) if name else part
    for name, part in parts.items()
    if part
  )
  page = directory / 'report.html'
  page.write_text(document(title, body), encoding='utf-8')
  return page


def _lead(config: Mapping[str, Any], card: Mapping[str, Any]) -> str:
  """What was done, in a sentence or two."""
  if card.get('source'):
    assumed = '; '.join(card['source']['assumed'])
    return f'<p>A set that others made. {escape(assumed)}.</p>'
  done = _on_purpose(card.get('data') or {})
  if not config or not card.get('data'):
    return f'<p>{escape(" ".join(done))}</p>' if done else ''
  ipc, classes = config['synthetic']['ipc'], len(card['class_names'])
  facts = [
    f'{ipc * classes} synthetic images, {ipc} of each of {classes} classes, '
    f'stand for the training rows of {card["data"]["name"]} '
    f'({config["objective"]["name"]} matching, {config["steps"]:,} steps, '
    f'{config["seeds"]} distillation(s)).'
  ]
  facts += done
  chain = [n for p in ('transform', 'training', 'student') for n in config[p]]
  if chain:
    facts.append(f'In its chains: {", ".join(chain)}.')
  facts.append(
    'Networks were trained on the set from scratch and judged on real test '
    'rows, at their last step.'
  )
  return f'<p>{escape(" ".join(facts))}</p>'


def _on_purpose(data: Mapping[str, Any]) -> list[str]:
  """What was put into the data, in sentences."""
  done = data.get('injected')
  if done is None:  # a card of before it was said in words
    rate, rare = data.get('noise_rate'), data.get('rare')
    done = [f'{rate:.0%} of the training labels are wrong'] if rate else []
    done += [f'a subgroup is rare ({rare})'] if rare else []
  return [f'{line[0].upper()}{line[1:]}.' for line in done]


def _results(
  rows: Mapping[str, Any], class_names: Sequence[str], shown_above: bool
) -> str:
  if not rows:
    return ''
  numbers = summary_table(rows, 'plain' if shown_above else 'random')
  if shown_above:  # the most important ones
    numbers = _details('All numbers', numbers)
  classes = class_table(rows, class_names)
  return numbers + glossary(rows) + _details('Accuracy by class', classes)


def _details(summary: str, body: str) -> str:
  return f'<details><summary>{summary}</summary>{body}</details>'


def _outside(
  rows: Mapping[str, Any], results: Mapping[str, Any], directory: Path
) -> str:
  if not results.get('outside'):
    return ''
  body = ood_tables(rows, results['outside'])
  curves = _json(directory / 'curves' / 'distilled.json')
  return body + ''.join(
    histogram(curves, score) + roc_plot(curves, score) for score in curves
  )


def _groups(directory: Path, class_names: Sequence[str]) -> str:
  groups = _json(directory / 'groups.json')
  if not groups:
    return ''
  rare = image(directory / 'groups.png', 'rows that were set apart')
  if rare:
    rare = f'<p>Rows of each class that were set apart:</p>{rare}'
    rare += _details('Their files', shown_table(groups, class_names))
  return group_table(groups, class_names) + rare


def _trust(directory: Path) -> str:
  trust = _json(directory / 'trust.json')
  if not trust:
    return ''
  worst = image(directory / 'distrusted.png', 'distrusted images')
  if worst:
    worst = (
      '<p>Most distrusted, by the label as given, the proposed one below '
      f'each:</p>{worst}'
    )
    files = directory / DISTRUSTED
    if files.exists():
      worst += _details('Their files', doubts_table(files))
  return trust_plot(trust) + trust_table(trust) + worst


def _cost(directory: Path) -> str:
  cost = _json(directory / 'cost.json')
  return cost_table(cost, _json(directory / 'plan.json')) if cost else ''


def _repeat(
  command: str, config: Mapping[str, Any], card: Mapping[str, Any]
) -> str:
  parts = [pre(command)] if command else []
  if config:
    parts.append(_details('Config', pre(json.dumps(config, indent=2))))
  if card.get('versions'):
    versions = {**card['versions'], 'git': card.get('git')}
    text = ', '.join(f'{k} {v}' for k, v in versions.items() if v)
    parts.append(f'<p class="soft">{escape(text)}</p>')
  return '\n'.join(parts)


def _json(path: Path) -> Any:
  return json.loads(path.read_text()) if path.exists() else {}
