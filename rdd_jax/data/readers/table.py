"""Reads images that a table names: CSV, or metadata in a folder."""

from __future__ import annotations

import os
from pathlib import Path

from rdd_jax.core.errors import UserError
from rdd_jax.data.dataset import Split
from rdd_jax.data.readers import columns, layout, listing, rows
from rdd_jax.data.readers.report import Report
from rdd_jax.data.readers.request import Request
from rdd_jax.data.readers.rows import Row, Table, whole_numbers

SUFFIXES = ('.csv', '.tsv')
_METADATA = ('metadata.csv', 'metadata.parquet', 'metadata.jsonl')


def read_csv(file: Path, request: Request) -> list[Split]:
  """Reads the images that a CSV file names, in a row each.

  Columns are found by their names, see `columns`: of files, relative to the
  directory of the CSV, of labels, and optionally `split` and `group`. Rows are
  in the order of a folder: by class, and then by path.

  Args:
    file: the table.
    request: of its splits.

  Raises:
    UserError: for another file, or as `folder.read_splits`.
  """
  report = Report(request.name)
  if not file.is_file() or file.suffix.lower() not in SUFFIXES:
    raise UserError(
      f'{request.name} is not a .csv file; check the path (a directory is '
      'folder:PATH)'
    )
  found = _rows(file, file.parent, '', report)
  return rows.read(_ordered(found), request, report)


def metadata(root: Path) -> list[Path]:
  """Returns the tables of a folder, of its root or else of its splits.

  One without a column of labels is none: the folder says the classes.

  Args:
    root: of the folder.

  Raises:
    UserError: for two tables of one directory, or one that cannot be read.

  >>> metadata(Path(__file__).parent)
  []
  """
  parts = [
    entry.path
    for entry in sorted(os.scandir(root), key=lambda entry: entry.name)
    if layout.role(entry.name) and entry.is_dir()
  ]
  for places in ([root], [Path(part) for part in parts]):
    found = []
    for place in places:
      there = [place / n for n in _METADATA if (place / n).is_file()]
      if len(there) > 1:
        raise UserError(
          f'{place} has both {there[0].name} and {there[1].name}; keep one'
        )
      found += [file for file in there if _labels_there(file)]
    if found:
      return found
  return []


def read_metadata(root: Path, request: Request) -> list[Split]:
  """Reads a folder by its tables, as Hugging Face's imagefolder does.

  `file_name` (or another name of a column of files) is relative to the
  directory of the table; of a table in `train/`, rows are of train.

  Args:
    root: the directory.
    request: of its splits.

  Raises:
    UserError: as `folder.read_splits`.
  """
  report, tables = Report(request.name), metadata(root)
  found: list[Row] = []
  for table in tables:
    split = '' if table.parent == root else table.parent.name
    found += _rows(table, root, split, report)
  known = {os.path.normpath(root / row.name) for row in found}
  known |= {os.path.normpath(table) for table in tables}
  listing.count_unnamed(
    root, known, root, report, 'not named in ' + tables[0].name
  )
  return rows.read(_ordered(found), request, report)


def _labels_there(file: Path) -> bool:
  found = columns.read_columns(file, str(file))
  return columns.pick(found, columns.LABELS) is not None


def _rows(file: Path, root: Path, split: str, report: Report) -> list[Row]:
  """The rows of a table, named from the root; says which columns are read."""
  where = report.where if root == file.parent and not split else str(file)
  found = columns.read_columns(file, where)
  files = columns.need(found, columns.FILES, 'files', where)
  labels = columns.need(found, columns.LABELS, 'labels', where)
  empty = [''] * len(found[files])
  splits = columns.pick(found, columns.SPLITS)
  groups = columns.pick(found, columns.GROUPS)
  more = (splits, 'split'), (groups, 'group')
  others = ''.join(f', {name} the {what}' for name, what in more if name)
  report.notes.append(
    f'{len(empty)} rows of {file.relative_to(root).as_posix()}; {files} is the '
    f'file, {labels} the label{others}'
  )
  made = []
  for i, (name, label, part, group) in enumerate(
    zip(
      found[files],
      whole_numbers(found[labels]),
      found[splits] if splits else empty,
      found[groups] if groups else empty,
      strict=True,
    )
  ):
    if not name:
      report.total += 1
      report.left_out['rows without a file'].append(f'row {i}')
      continue
    at = Path(os.path.normpath(file.parent / name))
    inner = at.relative_to(root) if at.is_relative_to(root) else at
    made.append(Row(at, inner.as_posix(), label, split or part, group))
  return made


def _ordered(found: list[Row]) -> Table:
  """Puts rows in the order of a folder."""
  words = rows.in_order({row.label for row in found} - {''})
  place = {label: number for number, label in enumerate(['', *words])}
  return Table(
    sorted(found, key=lambda row: (place[row.label], Path(row.name)))
  )
