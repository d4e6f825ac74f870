"""Chooses which charts a page shows, and says how to read each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import json
import math
from pathlib import Path
from typing import Any

from rdd_jax.evaluation.lookup import find, title
from rdd_jax.evaluation.registry import SCORES
from rdd_jax.report.blocks import Chart
from rdd_jax.report.drawing import Drawing
from rdd_jax.report.figures import lines, ood, parts
from rdd_jax.report.table import arm

Rows = Mapping[str, Mapping[str, Any]]

# What each part buys: as many of these, from the first, as there is room for.
BOUGHT = (
  'accuracy',
  'worst_group',
  'auroc',
  'ece_calibrated',
  'ece',
  'corrupted',
  'worst_class',
)
PANELS = 4
GROUPS = ('worst_group', 'rare_group', 'majority_group', 'group_balanced')


def bought(draw: Drawing, rows: Rows, own: str, against: str) -> list[Chart]:
  """Draws what each part buys, with its spread."""
  seen = {m for row in rows.values() for m in row}
  if 'ece_calibrated' in seen:  # what a user of the set gets
    seen.discard('ece')
  titles = {}
  for metric in [m for m in BOUGHT if m in seen][:PANELS]:
    found = find(metric)
    assert found is not None
    arrow = '↓' if found.better == 'lower' else '↑'
    titles[metric] = f'{found.title} {arrow}'
  if not titles:
    return []
  line = f' The dotted line is {arm(against)}.' if against in rows else ''
  return draw(
    'parts',
    lambda: parts.parts(_named(rows), titles, arm(own), arm(against)),
    f'Dot plot of {", ".join(map(title, titles))}, of '
    f'{", ".join(map(arm, rows))}',
    'Per cent: mean and standard deviation over networks. An arrow up says '
    f'that more is better.{line}',
  )


def groups(draw: Drawing, rows: Rows) -> list[Chart]:
  """Draws accuracy on the worst, the rare and the other group of each arm."""
  seen = {m for row in rows.values() for m in row}
  titles = {m: title(m) for m in GROUPS[:3] if m in seen}
  if 'worst_group' not in titles or len(titles) < 2:
    return []
  return draw(
    'groups',
    lambda: parts.groups(_named(rows), titles),
    f'Dot plot of accuracy on groups of {", ".join(map(arm, rows))}',
    'Mean accuracy on groups of the test images; the shorter a line, the more '
    'alike groups are treated.',
  )


def detection(
  draw: Drawing, curves: Mapping[str, Any], plain: Mapping[str, Any]
) -> list[Chart]:
  """Draws histograms of scores and ROC curves.

  Args:
    draw: that draws.
    curves: of the run, by score.
    plain: of the method without protection; {} without.
  """
  if not curves:
    return []
  titles = {score: SCORES[score][0] for score in curves}
  by = '; '.join(f'{SCORES[s][0]}: {SCORES[s][1]}' for s in curves)
  made = draw(
    'ood_histograms',
    lambda: ood.histograms(curves, titles),
    f'Histograms of {", ".join(titles.values())}, of test images and each set',
    f'How often a score is reached. {by}. The less the two overlap, the better '
    'they are told apart. Heights are of the same scale within a row. One '
    'network.',
  )
  drawn = {SCORES[score][0]: one['roc'] for score, one in curves.items()}
  if 'msp' in plain:
    drawn['plain, MSP'] = plain['msp']['roc']
  return made + draw(
    'ood_roc',
    lambda: ood.rocs(drawn),
    'Receiver operating characteristics for each set',
    'ROC (receiver operating characteristic): the share of test images that '
    'are accepted over the share of others that are; AUROC is the area below. '
    'One network.',
  )


def losses(draw: Drawing, directory: Path) -> list[Chart]:
  """Draws the loss of each distillation of a run, up to four."""
  found = {}
  for place in (directory, *sorted(directory.glob('seeds/*'))[:3]):
    points = read_losses(place / 'metrics.jsonl')
    if len(points) > 1:
      found[f'distillation {len(found) + 1}'] = points
  if not found:
    return []
  return draw(
    'loss',
    lambda: lines.loss(found),
    'Loss over steps',
    'The loss of distillation over its steps.',
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


def trust(
  draw: Drawing, rows: Sequence[Mapping[str, float | None]]
) -> list[Chart]:
  """Draws shares of trusted and relabeled examples over several divisions."""
  if len(rows) < 2:
    return []
  return draw(
    'trust',
    lambda: lines.trust(rows),
    'Shares of trusted and relabeled examples over divisions',
    'Training examples that count, by division.',
  )


def severity(
  draw: Drawing, rows: Rows, levels: Sequence[int], own: str
) -> list[Chart]:
  """Draws accuracy by severity of corruption."""
  if not levels:
    return []
  return draw(
    'severity',
    lambda: lines.severity(_named(rows), levels, arm(own)),
    'Accuracy by severity of corruption, of each arm',
    'Accuracy on corrupted test images, mean over the kinds of corruption; '
    'bars are standard deviations over networks.',
  )


def cost(draw: Drawing, costs: Mapping[str, Mapping[str, Any]]) -> list[Chart]:
  """Draws the seconds of each run by stage."""
  seconds = {name: c['seconds'] for name, c in costs.items() if c}
  if not any(s for one in seconds.values() for s in one.values()):
    return []
  return draw(
    'cost',
    lambda: parts.cost(seconds),
    f'Seconds by stage of {", ".join(seconds)}',
    'Seconds of each stage. What one run compiled, later ones need not.',
  )


def _named(rows: Rows) -> dict[str, Mapping[str, Any]]:
  return {arm(name): row for name, row in rows.items()}
