"""Holds tables as a page or a terminal shows them: text, and no markup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Cell(NamedTuple):
  """Holds what stands in a place of a table.

  Attributes:
    text: in full.
    small: beside it, in small print.
  """

  text: str
  small: str = ''


class Line(NamedTuple):
  """Holds a line of a table.

  Attributes:
    name: its head.
    cells: one for each column.
    note: beside the name, in small print.
    own: whether it is set off from the others.
  """

  name: str
  cells: Sequence[Cell]
  note: str = ''
  own: bool = False


class Table(NamedTuple):
  """Holds a table.

  Attributes:
    title: what is tabulated, in few words, for those who hear the page.
    columns: the head of each.
    lines: from top to bottom.
    caption: how to read it.
  """

  title: str
  columns: Sequence[str]
  lines: Sequence[Line]
  caption: str = ''


def arm(name: str) -> str:
  """Returns what a set that is compared is called.

  >>> arm('k_center')
  'k-center'
  """
  return name.replace('_', '-')


def entry(summary: Mapping[str, Any] | None) -> str:
  """Formats mean and, of several, standard deviation in per cent; None as '-'.

  >>> entry({'mean': 0.5, 'std': 0.01, 'n': 3}), entry(None)
  ('50.0 ± 1.0', '-')
  """
  if summary is None:
    return '-'
  spread = f' ± {100 * summary["std"]:.1f}' if summary['n'] > 1 else ''
  return f'{100 * summary["mean"]:.1f}{spread}'


def share(value: float | None) -> str:
  """Formats a fraction in per cent; None as '-'.

  >>> share(0.25)
  '25.0'
  """
  return '-' if value is None else f'{100 * value:.1f}'


def plain(
  title: str,
  columns: Sequence[str],
  lines: Mapping[str, Sequence[str]],
  caption: str = '',
) -> Table:
  """Makes a table of text alone.

  Args:
    title: what is tabulated.
    columns: the head of each.
    lines: name to cells.
    caption: how to read it.
  """
  return Table(
    title,
    columns,
    [Line(name, [*map(Cell, cells)]) for name, cells in lines.items()],
    caption,
  )
