"""A record of what was measured: a small JSON file, and what it must hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
import json
from pathlib import Path
from typing import Any

from rdd_jax.core.errors import UserError
from rdd_jax.evaluation.lookup import current
from rdd_jax.records.storage import Storage
from rdd_jax.runtime.files import require_place, write_out

SCHEMA = 1
DIRECTORY = Path('docs/results/data')  # below the root of a checkout

Cell = Mapping[str, Any] | str


@dataclass(frozen=True)
class Row:
  """A line of a table.

  Attributes:
    name: of what was measured.
    cells: by column, of those that are known. In the unit of the record a
      number is `mean`, with `std` and `n`, or a paired `difference`, with
      `least` and `greatest`; what is no number is text. `strong` sets it off.
    strong: whether the line is set off.
  """

  name: str
  cells: Mapping[str, Cell]
  strong: bool = False


@dataclass(frozen=True)
class Record:
  """What was measured, by what, and how it is repeated.

  Attributes:
    columns: names of metrics, or their titles, in order.
    rows: the lines.
    n: how many networks are behind a number, or how many draws; 0 where lines
      differ, which `seeds` explains.
    seeds: in words, such as '3 distillations x 3 networks, root seed 0'.
    commands: each of them repeats something of the table.
    commit: of the code; of what was carried over, the commit that wrote it
      down.
    machine: where it ran.
    date: when, YYYY-MM-DD.
    unit: of every number.
    storage: what the sets take, one for each setting of the table; none where
      nothing was distilled.
    carried_over: from before there were records; the numbers were copied, and
      have no more digits than they were printed with.
    notes: what else a reader must know of the table.
  """

  columns: Sequence[str]
  rows: Sequence[Row]
  n: int
  seeds: str
  commands: Sequence[str]
  commit: str
  machine: str
  date: str
  unit: str = 'per cent'
  storage: Sequence[Storage] = ()
  carried_over: bool = False
  notes: str = ''
  schema: int = field(default=SCHEMA, kw_only=True)


def place(name: str) -> Path:
  """Returns where a record of this name stands.

  Args:
    name: a name, or a path that ends in .json.

  Raises:
    UserError: for a name where there is no directory of records.

  >>> place('/tmp/mine.json').as_posix()
  '/tmp/mine.json'
  """
  if name.endswith('.json'):
    require_place(Path(name), 'record')
    return Path(name)
  if '/' in name or not name:
    raise UserError(
      f'--record={name}: give a name, or a path that ends in .json'
    )
  if not DIRECTORY.is_dir():
    raise UserError(
      f'--record={name}: there is no {DIRECTORY} here; start in the root of a '
      f'checkout, or give a path: --record={name}.json'
    )
  return DIRECTORY / f'{name}.json'


def write(path: Path, record: Record) -> None:
  """Writes a record, and its directories.

  Args:
    path: of the file.
    record: what it is to hold.
  """
  fields = [f' "{k}": {_text(v)}' for k, v in asdict(record).items()]
  write_out(path, '{\n' + ',\n'.join(fields) + '\n}\n')


def read(path: Path) -> Record:
  """Reads a record; metrics have the names that they have now.

  Raises:
    UserError: if it is no record, or lacks something.
  """
  try:
    found = json.loads(path.read_text())
    schema = found.get('schema')
    if schema != SCHEMA:
      raise UserError(
        f'{path} has schema {schema}, and {SCHEMA} is read; record it again'
      )
    return Record(
      **found
      | {
        'columns': [current(name) for name in found['columns']],
        'rows': [_row(row) for row in found['rows']],
        'storage': [Storage(**one) for one in found['storage']],
      }
    )
  except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
    raise UserError(
      f'{path} is no record ({error}): write one by --record={path.stem}'
    ) from error


def _row(found: Mapping[str, Any]) -> Row:
  cells = {current(name): cell for name, cell in found['cells'].items()}
  return Row(**{**found, 'cells': cells})


def _text(value: Any) -> str:
  """Formats JSON with a line for each item of a list."""
  if not isinstance(value, list | tuple) or not value:
    return json.dumps(value, ensure_ascii=False)
  lines = ',\n'.join(f'  {json.dumps(v, ensure_ascii=False)}' for v in value)
  return f'[\n{lines}\n ]'
