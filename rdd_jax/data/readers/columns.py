"""Reads the columns of a table, CSV, JSON lines or parquet, as words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
import csv
import io
import json
from pathlib import Path
from typing import Any

from rdd_jax.core.errors import UserError, one_line
from rdd_jax.data.readers.parquet_file import read_table
from rdd_jax.data.readers.report import some

FILES = (
  *('file_name', 'filename', 'file', 'path', 'file_path', 'filepath'),
  *('image', 'image_path', 'img', 'img_path', 'img_filename', 'image_id'),
)
LABELS = (
  *('label', 'labels', 'class', 'class_name', 'category', 'target', 'y'),
  'fine_label',
)
SPLITS, GROUPS = ('split',), ('group', 'place')  # place: of Waterbirds
_DELIMITERS = ',;\t'


def read_columns(file: Path, where: str) -> dict[str, list[str]]:
  """Reads all columns of a table; '' stands for what is not there.

  CSV has a header and `,`, `;` or a tab between its cells, and may start with
  a byte order mark.

  Args:
    file: `.csv`, `.tsv`, `.jsonl` or `.parquet`.
    where: what errors call it.

  Raises:
    UserError: for a file that is no such table.

  >>> import tempfile
  >>> with tempfile.TemporaryDirectory() as path:
  ...   file = Path(path) / 'a.csv'
  ...   _ = file.write_text('path;y\\n1.png;cat\\n')
  ...   read_columns(file, 'it')
  {'path': ['1.png'], 'y': ['cat']}
  """
  try:
    if file.suffix.lower() == '.parquet':
      found = read_table(file).to_pydict()
      columns = {name: _words(values) for name, values in found.items()}
    else:
      # In one piece, since csv counts rows and not lines.
      text = file.read_text(encoding='utf-8-sig')
      lines = file.suffix.lower() == '.jsonl'
      columns = _json_lines(text) if lines else _cells(text)
  except UserError as error:
    raise UserError(f'{where}: {error}') from error
  # What pyarrow, csv and json raise depends on the damage.
  except Exception as error:
    raise UserError(
      f'{where} cannot be read as a {file.suffix[1:]} table '
      f'({one_line(error)[:160]}); save it again'
    ) from error
  if not any(columns.values()):
    raise UserError(f'{where} has no rows; give a header and a row a file')
  return columns


def pick(there: Iterable[str], known: Sequence[str]) -> str | None:
  """Returns the column that is called by a known name, the first of them.

  Args:
    there: names of columns.
    known: in the order of preference, in small letters.

  >>> pick(['Label', 'id'], LABELS)
  'Label'
  """
  by_name = {name.strip().casefold(): name for name in reversed([*there])}
  return next((by_name[name] for name in known if name in by_name), None)


def need(
  columns: Mapping[str, object], known: Sequence[str], what: str, where: str
) -> str:
  """Returns the column that is called by a known name.

  Args:
    columns: by name.
    known: see `pick`.
    what: it holds, for the error.
    where: what the error calls the table.

  Raises:
    UserError: if there is none.
  """
  name = pick(columns, known)
  if name is None:
    raise UserError(
      f'{where} has no column of {what} (it has {some(list(columns))}); call '
      f'one {known[0]!r}'
    )
  return name


def word(value: Any) -> str:
  """Returns a cell as a word; '' for what is missing.

  >>> word(None), word(float('nan')), word(3), word(' cat ')
  ('', '', '3', 'cat')
  """
  if isinstance(value, bytes):
    value = value.decode('utf-8', 'replace')
  return '' if value is None or value != value else str(value).strip()


def _words(values: Iterable[Any]) -> list[str]:
  return [word(value) for value in values]


def _cells(text: str) -> dict[str, list[str]]:
  header = text.partition('\n')[0]
  delimiter = max(_DELIMITERS, key=header.count)
  # Strictly, since an open quote would swallow the rest of the file.
  reader = csv.reader(
    io.StringIO(text, newline=''),
    delimiter=delimiter,
    skipinitialspace=True,
    strict=True,
  )
  rows = [(reader.line_num, row) for row in reader if row]
  if not rows:
    return {}
  names = [name.strip() for name in rows[0][1]]
  if len(set(names)) < len(names):
    raise UserError(f'two columns have one name ({some(names)}); rename one')
  odd = [str(line) for line, row in rows if len(row) != len(names)]
  if odd:
    raise UserError(
      f'{len(odd)} lines have not {len(names)} cells as the header has (lines '
      f'{some(odd)}); quote cells that hold {delimiter!r}'
    )
  return {
    name: _words(row[place] for _, row in rows[1:])
    for place, name in enumerate(names)
  }


def _json_lines(text: str) -> dict[str, list[str]]:
  rows = [json.loads(line) for line in text.splitlines() if line.strip()]
  if not all(isinstance(row, dict) for row in rows):
    raise UserError('a line is no object {"file_name": ..., "label": ...}')
  names = dict.fromkeys(name for row in rows for name in row)
  return {name: _words(row.get(name) for row in rows) for name in names}
