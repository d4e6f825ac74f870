"""Renders records as Markdown tables, between the marks of a page.

A page says `<!-- table: NAME -->` and `<!-- end -->`; what stands between is
replaced. After NAME may stand `rows=A|B` and `columns=a|b`, which pick some in
this order, and `bare`, which leaves out all but the table. A column `@PLACE` is
all that the registry of metrics shows there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import math
from pathlib import Path
import re
from typing import NamedTuple

from rdd_jax.core.errors import UserError, choose
from rdd_jax.evaluation.lookup import shown, title
from rdd_jax.records.record import Cell, Record, Row, read
from rdd_jax.records.storage import Storage

MARK = re.compile(
  r'(?s)(<!-- table: (?P<name>[\w-]+)(?P<options>[^\n]*?) -->\n).*?'
  r'(<!-- end -->)'
)


class Options(NamedTuple):
  """How a page shows a record.

  Attributes:
    rows: names; none is all of them.
    columns: names; none is all of them.
    bare: whether there is nothing but the table.
  """

  rows: Sequence[str] = ()
  columns: Sequence[str] = ()
  bare: bool = False


def page(text: str, directory: Path) -> str:
  """Returns the text of a page with its tables rendered.

  Args:
    text: of the page.
    directory: of the records.

  Raises:
    UserError: for a record, a row or a column that is not there.
  """

  def rendered(match: re.Match[str]) -> str:
    path = directory / f'{match["name"]}.json'
    table = render(read(path), options(match['options']))
    return f'{match[1]}\n{table}\n{match[4]}'

  return MARK.sub(rendered, text)


def options(text: str) -> Options:
  """Parses what stands after the name of a record.

  Raises:
    UserError: for what is no option.

  >>> options(' columns=accuracy|ece bare')
  Options(rows=[], columns=['accuracy', 'ece'], bare=True)
  """
  found = re.fullmatch(
    r'(?: rows=(?P<rows>.*?))?(?: columns=(?P<columns>.*?))?(?P<bare> bare)?',
    text,
  )
  if found is None:
    raise UserError(
      f'{text.strip()!r} in a mark of a table: give rows=A|B, columns=a|b and '
      'bare, in this order'
    )
  rows, columns = (
    (found[key] or '').split('|') if found[key] else []
    for key in ('rows', 'columns')
  )
  return Options(rows, columns, bool(found['bare']))


def render(record: Record, chosen: Options = Options()) -> str:
  """Renders a record: a table, what it is of, and its commands.

  Args:
    record: what was measured.
    chosen: what is shown of it.

  Raises:
    UserError: for a row or a column that is not there.
  """
  by_name: Mapping[str, Row] = {row.name: row for row in record.rows}
  rows = [choose('row', n, by_name) for n in chosen.rows] or record.rows
  columns = pick(record.columns, chosen.columns)
  lines = [
    ['', *(title(column) for column in columns)],
    ['---', *['---:'] * len(columns)],
    *(
      [
        _strong(row.name, row.strong),
        *(entry(row.cells.get(column)) for column in columns),
      ]
      for row in rows
    ),
  ]
  table = ''.join(f'| {" | ".join(line)} |\n' for line in lines)
  if chosen.bare:
    return table
  return f'{table}\n{caption(record, rows)}\n\n{commands(record)}'


def pick(columns: Sequence[str], wanted: Sequence[str]) -> list[str]:
  """Picks columns: by name, or by a place of the registry of metrics.

  Args:
    columns: all of a record.
    wanted: names, or a place, such as '@ablations'; none picks all.

  Raises:
    UserError: for a column that is not there.

  >>> pick(['ece', 'accuracy', 's'], ['@ablations', 's'])
  ['accuracy', 'ece', 's']
  """
  if not wanted:
    return list(columns)
  known = {column: column for column in columns}
  out = []
  for name in wanted:
    place = name.removeprefix('@')
    found = shown(place, columns) if name.startswith('@') else [name]
    out += [choose('column', one, known) for one in found]
  return out


def entry(cell: Cell | None) -> str:
  """Formats a cell, with one decimal.

  >>> entry({'mean': 80.25, 'std': 0.61, 'n': 9}), entry({'mean': 3, 'n': 1})
  ('80.2 ± 0.6', '3.0')
  >>> entry({'difference': 1.5, 'least': -0.25, 'greatest': 0})
  '+1.5 [-0.2, 0.0]'
  >>> entry('about 3 min'), entry(None)
  ('about 3 min', '-')
  """
  if cell is None:
    return '-'
  if isinstance(cell, str):
    return cell
  if 'difference' in cell:
    d, low, high = (cell[k] for k in ('difference', 'least', 'greatest'))
    text = f'{signed(d)} [{signed(low)}, {signed(high)}]'
  else:
    digits = cell.get('digits', 1)
    text = f'{cell["mean"]:,.{digits}f}'
    if 'std' in cell and cell.get('n') != 1:
      text += f' ± {cell["std"]:.{digits}f}'
  return _strong(text, cell.get('strong', False))


def signed(number: float) -> str:
  """Formats points more or less.

  >>> signed(2.04), signed(-0.04), signed(-3.06), signed(0)
  ('+2.0', '-0.0', '-3.1', '0.0')
  """
  sign = '+' if round(number, 1) > 0 else ''
  near = math.copysign(0.0, number) if not round(number, 1) else number
  return f'{sign}{near:.1f}'


def count(rows: Sequence[Row]) -> int:
  """Returns how many networks, or draws, are behind every number; 0 if many.

  >>> count([Row('a', {'ece': {'mean': 1, 'n': 3}, 's': {'mean': 2}})])
  3
  """
  cells = [cell for row in rows for cell in row.cells.values()]
  found = {c['n'] for c in cells if not isinstance(c, str) and 'n' in c}
  return found.pop() if len(found) == 1 else 0


def caption(record: Record, rows: Sequence[Row]) -> str:
  """Says what a table is of: unit and seeds, storage, origin.

  Args:
    record: what was measured.
    rows: those that are shown.
  """
  parts = [f'In {record.unit}'] if record.unit else []
  n = count(rows) or record.n
  parts.append(record.seeds + (f' (n = {n})' if n else ''))
  parts += [record.notes] if record.notes else []
  store = [_stored(one) for one in record.storage]
  if 'per cent' in record.unit and not store:
    store = ['nothing is distilled']
  day = f'{record.commit}, {record.date}'
  origin = (
    f'**carried over** from before results files, written down at commit {day}'
    if record.carried_over
    else f'recorded at commit {day}'
  )
  lines = [
    '; '.join(parts),
    *(['Storage: ' + '; '.join(store)] if store else []),
    f'{record.machine}; {origin}',
  ]
  return '\n\n'.join(f'<small>{_capital(line)}.</small>' for line in lines)


def _stored(one: Storage) -> str:
  """Says what one setting stores."""
  many = '' if one.images_per_class == 1 else 's'
  return (
    (f'{one.what}: ' if one.what else '')
    + f'labels {one.labels}, {one.images_per_class:,g} image{many} per class, '
    f'{one.bytes:,} bytes, {one.bits_per_class:,.0f} bits per class'
  )


def _capital(text: str) -> str:
  return text[:1].upper() + text[1:]


def commands(record: Record) -> str:
  """Shows the commands behind a line that opens them."""
  if not record.commands:
    return '<small>No command repeats it.</small>\n'
  text = '\n'.join(record.commands)
  return (
    '<details markdown="1"><summary>Command</summary>\n\n'
    f'```bash\n{text}\n```\n\n</details>\n'
  )


def _strong(text: str, strong: bool) -> str:
  return f'**{text}**' if strong and text else text
