"""Draws curves: loss, trust in labels, accuracy by severity of corruption."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import math
from typing import TYPE_CHECKING, Any

from rdd_jax.report.figures.style import (
  FAINT,
  INK,
  SERIES,
  WIDTH,
  axes,
  blank,
  looks,
  shorten,
)

if TYPE_CHECKING:
  from matplotlib.figure import Figure

LEFT, BOTTOM, HIGH = 0.4, 0.32, 1.15  # inches
LEGEND = 1.0  # the width of one beside a chart


def loss(losses: Mapping[str, Sequence[tuple[float, float]]]) -> Figure:
  """Draws losses over steps, on a log scale where all are positive.

  Args:
    losses: distillation to pairs of a step and a loss.
  """
  figure = blank(HIGH + BOTTOM + 0.2)
  ax = axes(figure, LEFT, BOTTOM, WIDTH - LEFT - 0.1, HIGH)
  found = looks(list(losses), next(iter(losses)))
  for name, points in losses.items():
    steps, values = zip(*thinned(points), strict=True)
    ax.plot(
      steps, values, color=found[name].color, ls=found[name].line, label=name
    )
  if all(y > 0 for points in losses.values() for _, y in points):
    ax.set_yscale('log')
    low, high = ax.get_ylim()
    if high / low < 100:  # a decade would have no second number
      from matplotlib import ticker

      ax.yaxis.set_major_locator(ticker.MaxNLocator(4))
      ax.yaxis.set_major_formatter(ticker.FormatStrFormatter('%g'))
      ax.yaxis.set_minor_locator(ticker.NullLocator())
  ax.set_xlabel('step')
  ax.set_ylabel('loss')
  ax.grid(axis='y')
  if len(losses) > 1:
    figure.legend(
      loc='upper right', ncols=min(len(losses), 4), bbox_to_anchor=(1, 1)
    )
  return figure


def thinned(
  points: Sequence[tuple[float, float]], bins: int = 400
) -> list[tuple[float, float]]:
  """Averages losses over stretches of steps, so that few points are drawn.

  Args:
    points: step and loss.
    bins: at most so many stretches; each stands at its last step.

  >>> thinned([(1, 4.0), (2, 2.0), (3, 1.0)], bins=2)
  [(2, 3.0), (3, 1.0)]
  """
  size = max(math.ceil(len(points) / bins), 1)
  chunks = [points[i : i + size] for i in range(0, len(points), size)]
  return [(c[-1][0], sum(y for _, y in c) / len(c)) for c in chunks]


def trust(rows: Sequence[Mapping[str, float | None]]) -> Figure:
  """Draws shares of trusted and of relabeled examples over divisions.

  Args:
    rows: of `trust.json`.
  """
  figure = blank(HIGH + BOTTOM + 0.2)
  ax = axes(figure, LEFT, BOTTOM, WIDTH - LEFT - 0.1, HIGH)
  across = range(len(rows))
  trusted = [100 * (row['trusted'] or 0.0) for row in rows]
  both = [
    t + 100 * (row['recalled'] or 0.0)
    for t, row in zip(trusted, rows, strict=True)
  ]
  ax.fill_between(
    across, 0, trusted, color=SERIES[0], lw=0, label='trusted as given'
  )
  ax.fill_between(
    across,
    trusted,
    both,
    facecolor=FAINT,
    hatch='//////',
    edgecolor=INK,
    lw=0.5,
    label='relabeled',
  )
  ax.set_xlim(0, max(len(rows) - 1, 1))
  ax.set_ylim(0, 100)
  ax.set_xlabel('division')
  ax.set_ylabel('examples, per cent')
  ax.locator_params(axis='x', integer=True)
  figure.legend(loc='upper right', ncols=2, bbox_to_anchor=(1, 1))
  return figure


def severity(
  rows: Mapping[str, Mapping[str, Any]], levels: Sequence[int], own: str
) -> Figure:
  """Draws accuracy by the severity of corruptions; 0 is the clean images.

  Args:
    rows: arm to metric to its summary.
    levels: of severity, from 1 to 5.
    own: the arm that is set off.
  """
  metrics = {0: 'accuracy'} | {s: f'severity_{s}' for s in levels}
  figure = blank(HIGH + BOTTOM + 0.25)
  ax = axes(figure, LEFT, BOTTOM, WIDTH - LEFT - LEGEND - 0.1, HIGH + 0.15)
  found = looks(list(rows), own)
  for name, row in rows.items():
    points = [(x, row[m]) for x, m in metrics.items() if m in row]
    if not points:
      continue
    look = found[name]
    ax.errorbar(
      [x for x, _ in points],
      [100 * s['mean'] for _, s in points],
      [100 * s['std'] if s['n'] > 1 else 0 for _, s in points],
      color=look.color,
      ls=look.line,
      marker=look.marker,
      mfc=look.face,
      elinewidth=0.6,
      mew=0.8,
      label=shorten(name, 16),
    )
  ax.set_xticks([0, *levels], ['clean', *map(str, levels)])
  ax.margins(x=0.08)
  ax.set_xlabel('severity of corruption')
  ax.set_ylabel('accuracy, per cent')
  ax.grid(axis='y')
  figure.legend(
    loc='center right', bbox_to_anchor=(1.0, 0.55), handlelength=2.4
  )
  return figure
