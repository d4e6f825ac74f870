"""Draws detection of out-of-distribution images: histograms and ROC curves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rdd_jax.report.figures.style import (
  FILL,
  INK,
  SERIES,
  SOFT,
  WIDTH,
  axes,
  blank,
  room,
  shorten,
)

if TYPE_CHECKING:
  from matplotlib.axes import Axes
  from matplotlib.figure import Figure

COLUMNS = 4
LINES = ('-', (0, (4, 1.5)), (0, (1, 1)))
INSIDE = 'inside'  # what curves call the test images
RIDGE = 0.24  # inches, of a row of histograms
# Inches: around all panels, between them, and of the legend.
LEFT, RIGHT, BOTTOM, TOP, ACROSS, UP = 0.32, 0.06, 0.33, 0.32, 0.1, 0.17


def histograms(
  curves: Mapping[str, Mapping[str, Any]], titles: Mapping[str, str]
) -> Figure:
  """Draws how often scores are reached: a row for each set, a column a score.

  Args:
    curves: by score, as `evaluation.ood.curves.curves` returns them.
    titles: of each score.
  """
  first = next(iter(curves.values()))['histograms']
  sets = [name for name in first if name != INSIDE]
  names = [_called(name) for name in sets]
  left, high = room(names), RIDGE * len(sets)
  width = (WIDTH - left - RIGHT - ACROSS * (len(curves) - 1)) / len(curves)
  figure = blank(high + BOTTOM + TOP)
  for i, (score, found) in enumerate(curves.items()):
    at = left + i * (width + ACROSS)
    ax = axes(figure, at, BOTTOM, width, high)
    _ridges(ax, found['histograms'], found['edges'], sets)
    ax.set_yticks(
      [len(sets) - 1 - y for y in range(len(sets))],
      names if i == 0 else [''] * len(sets),
      va='bottom',
    )
    ax.set_xlabel(titles[score])
  _legend(figure)
  return figure


def _ridges(
  ax: Axes,
  shares: Mapping[str, Sequence[float]],
  edges: Sequence[float],
  sets: Sequence[str],
) -> None:
  """Draws the histograms of one score above each other."""
  for y, name in enumerate(sets):
    base = len(sets) - 1 - y
    top = max(*shares[INSIDE], *shares[name]) or 1.0
    for values, style in (
      (shares[INSIDE], {'fill': True, 'color': FILL}),
      (shares[name], {'color': SERIES[0], 'lw': 0.9}),
    ):
      heights = [base + 0.92 * value / top for value in values]
      ax.stairs(heights, edges, baseline=base, **style)
  ax.set_xlim(edges[0], edges[-1])
  ax.set_ylim(-0.05, len(sets))
  ax.tick_params(axis='y', length=0)
  ax.spines['left'].set_visible(False)
  ax.grid(axis='y')
  ax.locator_params(axis='x', nbins=4)


def _legend(figure: Figure) -> None:
  from matplotlib.lines import Line2D
  from matplotlib.patches import Patch

  figure.legend(
    handles=[
      Patch(color=FILL, label='test images'),
      Line2D([], [], color=SERIES[0], lw=0.9, label='out of distribution'),
    ],
    loc='upper left',
    ncols=2,
    bbox_to_anchor=(0, 1),
  )


def _called(name: str) -> str:
  return shorten(name.replace('_', ' '), 15)


def rocs(curves: Mapping[str, Mapping[str, Sequence[Any]]]) -> Figure:
  """Draws receiver operating characteristics, a panel for each set.

  Args:
    curves: label of a line to set to pairs of a false and a true positive rate.
  """
  sets = list(dict.fromkeys(name for one in curves.values() for name in one))
  figure = blank(_height(len(sets), 0.62))
  handles: dict[str, Any] = {}
  for ax, name in _panels(figure, sets, 0.62):
    ax.plot([0, 1], [0, 1], color=SOFT, lw=0.5, ls=(0, (1, 2)))
    for i, (label, of_sets) in enumerate(curves.items()):
      if name in of_sets:
        false, true = zip(*of_sets[name], (1, 1), strict=True)
        (handles[label],) = ax.plot(
          false,
          true,
          color=SERIES[i] if i < len(LINES) - 1 else INK,
          ls=LINES[i % len(LINES)],
          label=label,
        )
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1.02)
    ax.set_xticks([0, 1])
    ax.set_yticks([0, 1])
  figure.supxlabel(
    'false positive rate: out-of-distribution images accepted',
    fontsize=6.5,
    y=0.01,
    va='bottom',
  )
  figure.supylabel('true positive rate', fontsize=6.5, x=0.02)
  figure.legend(
    handles=list(handles.values()),
    loc='upper left',
    ncols=len(handles),
    bbox_to_anchor=(0, 1),
  )
  return figure


def _height(count: int, each: float) -> float:
  lines = -(-count // COLUMNS)
  return BOTTOM + TOP + lines * (each + UP) + 0.02


def _panels(
  figure: Figure, names: Sequence[str], each: float
) -> Iterator[tuple[Axes, str]]:
  """Adds a panel for each name, row by row; only outer ones have numbers."""
  columns = min(COLUMNS, max(len(names), 1))
  width = (WIDTH - LEFT - RIGHT - ACROSS * (columns - 1)) / columns
  high = figure.get_size_inches()[1]
  for i, name in enumerate(names):
    line, column = divmod(i, columns)
    left = LEFT + column * (width + ACROSS)
    bottom = high - TOP - (line + 1) * (each + UP) + 0.02
    ax = axes(figure, left, bottom, width, each)
    ax.set_title(_called(name), fontsize=6)
    yield ax, name
    if i + columns < len(names):
      ax.tick_params(labelbottom=False)
    if column:
      ax.tick_params(labelleft=False)
