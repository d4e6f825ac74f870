"""Draws what each part of a run buys, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import textwrap
from typing import TYPE_CHECKING, Any

from rdd_jax.report.figures.style import (
  FAINT,
  INK,
  PAPER,
  SERIES,
  SOFT,
  WIDTH,
  axes,
  blank,
  looks,
  room,
  shorten,
)

if TYPE_CHECKING:
  from matplotlib.axes import Axes
  from matplotlib.figure import Figure

Rows = Mapping[str, Mapping[str, Any]]

LINE = 0.165  # inches, of a row
HATCHES = ('', '////', '', '\\\\\\\\', 'xxxx', '----')
FILLS = (SERIES[0], PAPER, FAINT, PAPER, SERIES[1], PAPER)


def parts(
  rows: Rows, titles: Mapping[str, str], own: str, against: str
) -> Figure:
  """Draws the mean and standard deviation of some metrics, a row for each arm.

  Args:
    rows: arm to metric to its summary.
    titles: metric to the title of its panel; one panel each.
    own: the arm that is set off.
    against: the arm whose mean is drawn as a line through all.
  """
  names = [shorten(name) for name in rows]
  left, right, gap = room(names), 0.06, 0.1
  width = (WIDTH - left - right - gap * (len(titles) - 1)) / len(titles)
  height = LINE * len(rows)
  heads = {metric: _broken(title) for metric, title in titles.items()}
  top = 0.12 + 0.11 * max(head.count('\n') + 1 for head in heads.values())
  figure = blank(0.22 + height + top)
  for i, (metric, head) in enumerate(heads.items()):
    ax = axes(figure, left + i * (width + gap), 0.22, width, height)
    _panel(ax, rows, metric, own, against)
    ax.set_title(head)
    _rows(ax, names if i == 0 else [], len(rows))
  return figure


def _broken(title: str, most: int = 10) -> str:
  """Breaks a title that is wider than its panel into several lines."""
  return '\n'.join(textwrap.wrap(title, most, break_long_words=False))


def _panel(ax: Axes, rows: Rows, metric: str, own: str, against: str) -> None:
  base = rows.get(against, {}).get(metric)
  if base is not None:
    ax.axvline(100 * base['mean'], color=SOFT, lw=0.6, ls=(0, (1, 2)))
  for y, (name, look) in enumerate(_ordered(rows, own)):
    found = rows[name].get(metric)
    if found is None:
      continue
    mean, spread = 100 * found['mean'], 100 * found['std']
    if found['n'] > 1:
      ax.plot(
        [max(mean - spread, 0), min(mean + spread, 100)],
        [y, y],
        color=look.color,
        lw=0.9,
        solid_capstyle='butt',
      )
    ax.plot(
      [mean],
      [y],
      marker=look.marker,
      color=look.color,
      mfc=look.face,
      ms=4.2 if name == own else 3.5,
      mew=0.8,
      ls='none',
    )
  ax.margins(x=0.14)
  ax.locator_params(axis='x', nbins=3)


def _ordered(rows: Rows, own: str) -> list[tuple[str, Any]]:
  found = looks(list(rows), own)
  return [(name, found[name]) for name in rows]


def _rows(ax: Axes, names: Sequence[str], count: int) -> None:
  """Names the rows of a chart, the first at the top, with lines to follow."""
  ax.set_ylim(count - 0.5, -0.5)
  ax.set_yticks(range(count), names or [''] * count)
  ax.tick_params(axis='y', length=0)
  ax.spines['left'].set_visible(False)
  ax.grid(axis='y')
  ax.set_axisbelow(True)


def groups(rows: Rows, titles: Mapping[str, str]) -> Figure:
  """Draws how far groups are apart: mean accuracy on each, a row for an arm.

  Args:
    rows: arm to metric to its summary.
    titles: metric to its title, one marker each.
  """
  names = [shorten(name) for name in rows]
  left, height = room(names), LINE * len(rows)
  figure = blank(height + 0.62)
  ax = axes(figure, left, 0.3, WIDTH - left - 0.08, height)
  marks = looks(list(titles), next(iter(titles)))
  for y, row in enumerate(rows.values()):
    values = [100 * row[m]['mean'] for m in titles if m in row]
    if values:
      ax.plot([min(values), max(values)], [y, y], color=SOFT, lw=0.8)
  for metric, title in titles.items():
    look = marks[metric]
    found = [(y, r[metric]) for y, r in enumerate(rows.values()) if metric in r]
    ax.plot(
      [100 * s['mean'] for _, s in found],
      [y for y, _ in found],
      marker=look.marker,
      color=look.color,
      mfc=look.face,
      mew=0.8,
      ls='none',
      label=title,
    )
  _rows(ax, names, len(rows))
  ax.set_xlabel('accuracy, per cent')
  figure.legend(
    loc='upper left', ncols=len(titles), bbox_to_anchor=(0, 1), handlelength=1
  )
  return figure


def cost(seconds: Mapping[str, Mapping[str, float]]) -> Figure:
  """Draws seconds by stage, a bar for each run.

  Args:
    seconds: run to stage to seconds.
  """
  names = [shorten(name) for name in seconds]
  stages = dict.fromkeys(
    stage for one in seconds.values() for stage, s in one.items() if s
  )
  left, height = room(names), LINE * len(names)
  lines = -(-len(stages) // 3)
  figure = blank(height + 0.42 + 0.14 * lines)
  ax = axes(figure, left, 0.3, WIDTH - left - 0.12, height)
  begin = [0.0] * len(names)
  for i, stage in enumerate(stages):
    took = [one.get(stage, 0.0) for one in seconds.values()]
    ax.barh(
      range(len(names)),
      took,
      left=begin,
      height=0.62,
      color=FILLS[i % len(FILLS)],
      hatch=HATCHES[i % len(HATCHES)],
      edgecolor=INK,
      linewidth=0.5,
      label=stage,
    )
    begin = [b + t for b, t in zip(begin, took, strict=True)]
  _rows(ax, names, len(names))
  ax.set_xlabel('seconds')
  figure.legend(loc='upper left', ncols=3, bbox_to_anchor=(0, 1))
  return figure
