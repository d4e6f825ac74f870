"""Prints tables of results: as wide as a terminal is, or as plain text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import io
import sys
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rdd_jax.evaluation.lookup import shown, title
from rdd_jax.report.table import arm, entry
from rdd_jax.report.tables import WHOLE_RUN, measured, terminal
from rdd_jax.runtime.logging import say

Rows = Mapping[str, Mapping[str, Mapping[str, Any]]]

OWN = ('distilled', WHOLE_RUN)  # set off from the others
GAP = 2  # between columns
PLAIN = 10_000  # the width of text that no terminal cuts
BRIEF = ('accuracy', 'worst_group', 'auroc', 'ece', 'ece_calibrated')


def show(rows: Rows, place: str, *, heading: str = '') -> None:
  """Prints a table, on one process of several.

  Args:
    rows: as in `results.json`: arm to metric to `mean`, `std` and `n`.
    place: as of `text`.
    heading: printed above.
  """
  say(
    '\n'.join([heading, text(rows, place)] if heading else [text(rows, place)])
  )


def text(rows: Rows, place: str) -> str:
  """Lays a table out for standard output.

  For a terminal it is as wide as that, in several blocks where columns would
  not fit; elsewhere it is plain text, a line for each arm.

  Args:
    rows: as in `results.json`: arm to metric to `mean`, `std` and `n`.
    place: of `evaluation.columns.SHOWN`, which says what columns there are.
  """
  seen = measured(rows)
  metrics = terminal(rows) if place == 'terminal' else shown(place, seen)
  out = Console(file=sys.stdout)
  if not out.is_terminal:
    return table(rows, metrics)
  with out.capture() as captured:
    for i, block in enumerate(blocks(rows, metrics, out.width)):
      if i:
        out.print()
      out.print(laid_out(rows, block))
  return captured.get().rstrip('\n')


def table(rows: Rows, metrics: Sequence[str]) -> str:
  """Lays out results as text, in per cent, one line a row.

  Args:
    rows: as in `results.json`: row to metric to `mean`, `std` and `n`.
    metrics: the columns, under the titles that a page gives them; a row
      without one shows a dash.

  >>> accuracy = {'mean': 0.812, 'std': 0.0046, 'n': 5}
  >>> print(table({'k_center': {'accuracy': accuracy}}, ['accuracy', 'auroc']))
  %           accuracy  AUROC
  k-center  81.2 ± 0.5      -
  """
  out = Console(file=io.StringIO(), width=PLAIN, color_system=None)
  with out.capture() as captured:
    out.print(laid_out(rows, metrics, wrap=False))
  lines = captured.get().rstrip('\n').splitlines()
  return '\n'.join(line.rstrip() for line in lines)


def laid_out(rows: Rows, metrics: Sequence[str], *, wrap: bool = True) -> Table:
  """Returns a table as rich takes it.

  Args:
    rows: as of `table`.
    metrics: likewise.
    wrap: whether heads may take several lines.
  """
  found = Table(
    box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style='dim'
  )
  found.add_column('%', no_wrap=True, vertical='bottom')
  for metric in metrics:
    head = Text(title(metric), justify='right')
    found.add_column(head, justify='right', no_wrap=not wrap)
  for name, row in rows.items():
    cells = (Text(entry(row.get(m)), no_wrap=True) for m in metrics)
    style = 'bold cyan' if name in OWN else ''
    found.add_row(Text(arm(name), no_wrap=True), *cells, style=style)
  return found


def blocks(rows: Rows, metrics: Sequence[str], width: int) -> list[list[str]]:
  """Divides columns into the fewest blocks that fit, as even as they can be.

  Args:
    rows: as of `table`.
    metrics: likewise; they stay in their order, at least one in a block.
    width: of the terminal, in characters.

  >>> rows = {'distilled': {'accuracy': {'mean': 0.5, 'std': 0.1, 'n': 2}}}
  >>> blocks(rows, ['accuracy', 'worst_group', 'ece'], 32)
  [['accuracy'], ['worst_group', 'ece']]
  """
  names = max((len(arm(name)) for name in rows), default=0)
  wide = {}
  for metric in metrics:
    cells = [entry(row.get(metric)) for row in rows.values()]
    wide[metric] = GAP + max(map(len, (*title(metric).split(), *cells)))

  def divided(room: int) -> list[list[str]]:
    found: list[list[str]] = [[]]
    for metric in metrics:
      taken = sum(wide[m] for m in found[-1])
      if found[-1] and taken + wide[metric] > room:
        found.append([])
      found[-1].append(metric)
    return found

  fewest = len(divided(width - names))
  return min(
    (divided(room) for room in range(1, max(width - names, 1) + 1)),
    key=lambda found: (abs(len(found) - fewest), _widest(found, wide)),
  )


def _widest(found: Sequence[Sequence[str]], wide: Mapping[str, int]) -> int:
  return max(sum(wide[m] for m in block) for block in found)


def brief(row: Mapping[str, Mapping[str, Any]]) -> str:
  """Says the numbers of a part in a line.

  Args:
    row: metric to summary.

  >>> brief({'accuracy': {'mean': 0.5, 'std': 0.1, 'n': 2}})
  'accuracy 50.0 ± 10.0'
  """
  return ', '.join(f'{title(m)} {entry(row[m])}' for m in BRIEF if m in row)
