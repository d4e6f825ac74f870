"""Reads Arrow tables with a column of encoded images.

Names of classes stand in the schema, where Hugging Face's `datasets` wrote it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rdd_jax.core.errors import UserError, one_line
from rdd_jax.data.dataset import Split
from rdd_jax.data.readers import columns, rows
from rdd_jax.data.readers.report import Report, some
from rdd_jax.data.readers.request import Request
from rdd_jax.data.readers.rows import Row, Table

if TYPE_CHECKING:
  import pyarrow as pa

_IMAGES = (*columns.FILES, 'images', 'pixels')


class Part(NamedTuple):
  """A file of rows.

  Attributes:
    path: of the file.
    split: of all its rows; '' if a column says it.
    load: reads it.
  """

  path: Path
  split: str
  load: Callable[[Path], pa.Table]


def read(parts: Sequence[Part], request: Request) -> list[Split]:
  """Reads splits of Arrow tables, whose rows keep their order.

  Args:
    parts: the files.
    request: of their splits.

  Raises:
    UserError: for a damaged file, columns that are not there, or as
      `folder.read_splits`.
  """
  report = Report(request.name)
  found: list[Row] = []
  classes: list[str] | None = None
  for file, split, load in parts:
    try:
      table = load(file)
      table.validate(full=True)  # offsets, which damage may lead astray
    except UserError:  # of memory
      raise
    # What pyarrow raises depends on the damage.
    except Exception as error:
      raise UserError(
        f'{report.where}: {file.name} cannot be read '
        f'({one_line(error)[:160]}); copy it again'
      ) from error
    there, more = _rows(table, file, split, report)
    if classes is not None and more != classes:
      raise UserError(
        f'{report.where}: {file.name} has other classes ({some(more)}) than '
        f'{parts[0].path.name} ({some(classes)}); give one data set'
      )
    found, classes = found + there, more
  said = ', '.join(dict.fromkeys(part.path.name for part in parts[:3]))
  report.notes.append(
    f'{len(found)} rows of {said}' + ', ...' * (len(parts) > 3)
  )
  table = Table(_named(found), tuple(classes or ()))
  return rows.read(table, request, report)


def _rows(
  table: pa.Table, file: Path, split: str, report: Report
) -> tuple[list[Row], list[str]]:
  """The rows of a file, and the classes that its schema names."""
  features = features_of(table)
  pictures = _pictures(table, report.where)
  classes = [n for n, f in features.items() if f.get('_type') == 'ClassLabel']
  others = [name for name in table.column_names if name != pictures]
  known = columns.pick(others, columns.LABELS)
  if known is None and len(classes) == 1:
    (known,) = classes
  if known is None:
    raise UserError(
      f'{report.where}: {file.name} has no column of labels (it has '
      f'{some(table.column_names)}); call one label'
    )
  titles = [str(n) for n in features.get(known, {}).get('names') or ()]
  labels = _labels(table.column(known), titles, f'{report.where}: {known}')
  empty = [''] * len(labels)

  def optional(choices: Sequence[str]) -> list[str]:
    name = columns.pick(others, choices)
    if name is None:
      return empty
    return [columns.word(value) for value in table.column(name).to_pylist()]

  splits = [split] * len(labels) if split else optional(columns.SPLITS)
  paths = _cells(table.column(pictures))
  return [
    Row(path, name, *rest)
    for (path, name), *rest in zip(
      paths, labels, splits, optional(columns.GROUPS), strict=True
    )
  ], titles


def _pictures(table: pa.Table, where: str) -> str:
  """The column of images."""
  from pyarrow import types

  binary = [types.is_binary, types.is_large_binary]

  def holds(field: pa.Field) -> bool:
    kind = field.type
    if types.is_struct(kind):
      inner = {kind.field(i).name: kind.field(i).type for i in range(len(kind))}
      return 'bytes' in inner and any(test(inner['bytes']) for test in binary)
    return any(test(kind) for test in binary)

  found = [field.name for field in table.schema if holds(field)]
  name = columns.pick(found, _IMAGES) or (found[0] if len(found) == 1 else '')
  if not name:
    raise UserError(
      f'{where} has no column of encoded images (it has '
      f'{some(table.column_names)}); save one of bytes, called image'
    )
  return name


def _cells(
  column: pa.ChunkedArray,
) -> list[tuple[Path | Callable[[], bytes], str]]:
  """What returns the bytes of each row, or its path, and the name it has.

  An image without bytes is the file that its path names.
  """
  out: list[tuple[Path | Callable[[], bytes], str]] = []
  for chunk in column.chunks:
    paths, absent = [''] * len(chunk), [False] * len(chunk)
    kind = chunk.type
    names = [kind.field(i).name for i in range(kind.num_fields)]
    if 'path' in names:
      paths = [columns.word(p) for p in chunk.field('path').to_pylist()]
      absent = chunk.field('bytes').is_null().to_pylist()
    out += [
      (Path(path) if path and lost else partial(_bytes, chunk, i), path)
      for i, (path, lost) in enumerate(zip(paths, absent, strict=True))
    ]
  return out


def _bytes(chunk: Any, row: int) -> bytes:
  value = chunk[row].as_py()
  return (value.get('bytes') if isinstance(value, dict) else value) or b''


def _labels(
  column: pa.ChunkedArray, titles: Sequence[str], what: str
) -> list[str]:
  """Labels in words; '' for none, which ClassLabel writes as -1."""
  from pyarrow import types

  if types.is_nested(column.type):
    raise UserError(
      f'{what} are {column.type}: several labels a row are not supported; give '
      'one class number or word a row'
    )
  values = column.to_pylist()
  if not titles or not types.is_integer(column.type):
    return rows.whole_numbers([columns.word(value) for value in values])
  outside = {v for v in values if v is not None and not -1 <= v < len(titles)}
  if outside:
    raise UserError(
      f'{what} has {min(outside)} to {max(outside)} where the schema names '
      f'{len(titles)} classes; save it again'
    )
  return ['' if v is None or v < 0 else str(titles[v]) for v in values]


def features_of(table: pa.Table) -> dict[str, dict[str, Any]]:
  """Returns what Hugging Face's metadata says of each column; {} without."""
  stored = (table.schema.metadata or {}).get(b'huggingface', b'{}')
  try:
    found = json.loads(stored)['info']['features']
  except (ValueError, KeyError, TypeError):
    return {}
  if not isinstance(found, dict):
    return {}
  return {name: f for name, f in found.items() if isinstance(f, dict)}


def _named(found: list[Row]) -> list[Row]:
  """The rows by their paths, or else by split and number."""
  names = [row.name for row in found]
  if all(names) and len(set(names)) == len(names):
    return found
  counts: dict[str, int] = {}
  out = []
  for row in found:
    split = row.split or 'train'
    number = counts[split] = counts.get(split, -1) + 1
    out.append(row._replace(name=f'{split}:{number}'))
  return out
