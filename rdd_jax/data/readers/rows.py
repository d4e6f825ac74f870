"""Makes rows of a table, of which each names an image, to a source of splits.

The rules are those of a folder: classes are those of train, and what is no row
is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
import os
import re
from typing import NamedTuple

from rdd_jax.core.errors import UserError
from rdd_jax.data.dataset import Split
from rdd_jax.data.readers import layout, splits
from rdd_jax.data.readers.labels import in_order
from rdd_jax.data.readers.listing import File
from rdd_jax.data.readers.report import Report, some
from rdd_jax.data.readers.request import Request

UNLABELED = 'without a label'
UNSPLIT = 'without a split'
TWICE = 'named twice'
_NUMBERS = {'0': 'train', '1': 'val', '2': 'test'}  # of splits, as in WILDS


class Row(NamedTuple):
  """An image that a table names.

  Attributes:
    path: where it is, or what returns its bytes.
    name: that reports and outputs call it by.
    label: in words; '' is none.
    split: as the table calls it; '' is none.
    group: in words; '' is none.
  """

  path: os.PathLike[str] | str | Callable[[], bytes]
  name: str
  label: str
  split: str = ''
  group: str = ''


class Table(NamedTuple):
  """The rows of a source.

  Attributes:
    rows: in their order.
    classes: labels in the order of their numbers; () sorts those of train.
    titles: from labels to names of classes that differ from them.
  """

  rows: list[Row]
  classes: Sequence[str] = ()
  titles: Mapping[str, str] = {}


def read(table: Table, request: Request, report: Report) -> list[Split]:
  """Reads splits of a table.

  Args:
    table: of the rows.
    request: of its splits.
    report: collects what is found.

  Raises:
    UserError: for all faults at once, see `folder.read_splits`.
  """
  parts: dict[str, list[Row]] = {}
  for row in _labeled(_parted(_once(table.rows, report), report), report):
    parts.setdefault(row.split, []).append(row)
  wanted = {}
  for name in request.splits:
    split = 'train' if name == splits.ALL else layout.role(name) or name
    part = splits.part_of(parts, split)
    if part is None:
      raise UserError(
        f'{report.where} has no rows of {split} (it has '
        f'{", ".join(parts) or "no row with a label"}); give some'
      )
    wanted[layout.role(name) or name] = part
  reference = 'train' if 'train' in parts else next(iter(wanted.values()))
  classes = _classes(table, parts[reference], report)
  groups = _groups(table.rows, report)
  number = {label: place for place, label in enumerate(classes)}

  def listed(part: str) -> list[File]:
    report.total += len(parts[part])
    unknown = sorted({row.label for row in parts[part]} - set(number))
    if unknown:
      report.faults.append(
        f'{part} has {len(unknown)} classes ({some(unknown)}) that {reference} '
        'lacks; rename or remove them'
      )
    return [
      File(row.path, row.name, number[row.label], groups.get(row.group))
      for row in parts[part]
      if row.label in number
    ]

  def count_rest(read: set[str]) -> None:
    for part in (part for part in parts if part not in read):
      found = [row.name for row in parts[part]]
      report.total += len(found)
      report.left_out[f'of {part}, not read beside a test split'] += found

  source = splits.Source(
    report,
    [table.titles.get(label, label) for label in classes],
    {part: part for part in parts},
    listed,
    count_rest,
  )
  return splits.read(source, wanted, request)


def whole_numbers(words: Sequence[str]) -> list[str]:
  """Returns words; where all are whole numbers, without decimal points.

  >>> whole_numbers(['0.0', '10.0', '']), whole_numbers(['1.0', 'a'])
  (['0', '10', ''], ['1.0', 'a'])
  """
  if all(re.fullmatch(r'(-?\d+(\.0*)?)?', word) for word in words):
    return [word.partition('.')[0] for word in words]
  return list(words)


def _once(rows: Sequence[Row], report: Report) -> list[Row]:
  """The rows, each file once; of two labels or splits it is a fault."""
  first: dict[str, Row] = {}
  torn = []
  for row in rows:
    before = first.setdefault(row.name, row)
    if before is row:
      continue
    if before._replace(path=row.path) != row:
      torn.append(row.name)
    else:
      report.total += 1
      report.left_out[TWICE].append(row.name)
  if torn:
    report.faults.append(
      f'{len(torn)} files are named twice, with different entries '
      f'({some(torn)}); keep one row of each'
    )
  return list(first.values())


def _parted(rows: list[Row], report: Report) -> list[Row]:
  """The rows with names of parts; without any splits, all are of train."""
  given = whole_numbers([row.split for row in rows])
  if set(given) - {''} <= set(_NUMBERS) and any(given):
    report.notes.append('splits 0, 1 and 2 are read as train, val and test')
    given = [_NUMBERS.get(split, '') for split in given]
  if not any(given):
    return [row._replace(split='train') for row in rows]
  lost = [r.name for r, split in zip(rows, given, strict=True) if not split]
  if lost:
    report.total += len(lost)
    report.left_out[UNSPLIT] += lost
  return [
    row._replace(split=layout.role(split) or split)
    for row, split in zip(rows, given, strict=True)
    if split
  ]


def _labeled(rows: list[Row], report: Report) -> list[Row]:
  lost = [row.name for row in rows if not row.label]
  if lost:
    report.total += len(lost)
    report.left_out[UNLABELED] += lost
  return [row for row in rows if row.label]


def _classes(
  table: Table, train: Sequence[Row], report: Report
) -> Sequence[str]:
  there = {row.label for row in train}
  if not table.classes:
    return in_order(there)
  lacking = [c for c in table.classes if c not in there]
  if lacking:
    report.notes.append(
      f'{len(lacking)} of {len(table.classes)} classes have no row in train '
      f'({some(lacking)}) and are left out; the others are numbered anew'
    )
  return [c for c in table.classes if c in there]


def _groups(rows: Sequence[Row], report: Report) -> dict[str, int]:
  """From each group to its number; those that have one keep it."""
  given = [row.group for row in rows]
  words = sorted(set(given) - {''})
  if not words:
    return {}
  plain = dict(zip(given, whole_numbers(given), strict=True))
  if all(re.fullmatch(r'-?\d{1,9}', plain[word]) for word in words):
    return {word: int(plain[word]) for word in words} | {'': -1}
  names = in_order(words)
  shown = ', '.join(f'{name} is {i}' for i, name in enumerate(names[:5]))
  report.notes.append(
    f'{len(names)} groups, numbered {shown}' + ', ...' * (len(names) > 5)
  )
  return {name: i for i, name in enumerate(names)} | {'': -1}
