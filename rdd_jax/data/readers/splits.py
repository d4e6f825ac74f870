"""Reads splits of a source whose files are listed; test may be held out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple
import zlib

import numpy as np

from rdd_jax.core.streamed import some_of
from rdd_jax.data.dataset import Split
from rdd_jax.data.readers import files
from rdd_jax.data.readers.listing import File
from rdd_jax.data.readers.report import Report, some
from rdd_jax.data.readers.request import Request

ALL = 'all'  # of train, with what would be held out
_HELD_OUT = 5  # one row of so many is for test


class Source(NamedTuple):
  """The files of a data set, listed and not yet read.

  Attributes:
    report: collects what is found.
    names: of the classes.
    parts: from 'train', 'test', 'val' and others, as far as there are any, to
      what messages call them.
    listed: lists the files of a part, and counts them.
    count_rest: counts what is in none of the parts that are read.
  """

  report: Report
  names: Sequence[str]
  parts: Mapping[str, str]
  listed: Callable[[str], list[File]]
  count_rest: Callable[[set[str]], None]


def part_of(parts: Mapping[str, object], split: str) -> str | None:
  """Returns the part that a split is read from, or None.

  That of test is 'test', or else 'val', or else 'train', of which some is held
  out.

  Args:
    parts: those that there are.
    split: a name that `role` returns, or another.

  >>> part_of({'train': '', 'val': ''}, 'test')
  'val'
  """
  order = ('test', 'val', 'train') if split == 'test' else (split,)
  return next((part for part in order if part in parts), None)


def holds_out(parts: Mapping[str, object]) -> bool:
  """Tells whether rows of train are held out for test."""
  return 'train' in parts and not {'test', 'val'} & set(parts)


def read(
  source: Source, wanted: Mapping[str, str], request: Request
) -> list[Split]:
  """Reads splits.

  Without a size or channels, train and test decide together, whichever is
  read.

  Args:
    source: of the files.
    wanted: from each split to the part it is read from; 'all' is train with
      what would be held out of it.
    request: says how images are read.

  Returns:
    The splits, with names of files and with notes.

  Raises:
    UserError: for all faults at once.
  """
  report, names = source.report, source.names
  pixels = _read(source, set(wanted.values()), request)
  if len(wanted) > 1:
    source.count_rest(set(pixels))
  files.refuse(report)
  out = []
  for split, part in wanted.items():
    made = files.as_split(pixels[part], names)
    if holds_out(source.parts) and split != ALL and part == 'train':
      made, note = hold_out(made, split)
      if note not in report.notes:
        report.notes.append(note)
    if split == 'test':
      _say_lacking(made, report)
    out.append(made)
  files.refuse(report)
  return [made._replace(notes=report.lines()) for made in out]


def hold_out(whole: Split, split: str) -> tuple[Split, str]:
  """Returns what is held out for test, or the rest, and a note that says so.

  A fifth of each class is held out, and at least one of two rows: the same
  ones every time.

  Args:
    whole: all rows, with names.
    split: 'test', or another for the rest.

  >>> rows = Split(np.zeros((5, 2, 2, 1), np.uint8), np.zeros(5, int), ('a',),
  ...              names=np.array(list('abcde')))
  >>> hold_out(rows, 'test')[0].names
  array(['d'], dtype='<U1')
  """
  rows = _in_test(whole)
  share = 'a fifth' + ' of each class' * (len(whole.class_names) > 1)
  note = (
    f'there is no test split; {share}, {rows.sum()} of {len(rows)} images, is '
    'held out for it, the same ones every time'
  )
  return _some(whole, rows if split == 'test' else ~rows), note


def _read(
  source: Source, wanted: set[str], request: Request
) -> dict[str, files.Pixels]:
  """Reads the parts that are wanted, and those that decide of their shape."""
  size, channels, report = request.size, request.channels, source.report
  deciding = wanted
  if (size is None or channels is None) and 'train' in source.parts:
    test = 'test' if 'test' in source.parts else 'val'
    deciding = {'train', test} & set(source.parts)
  listed = {
    part: source.listed(part)
    for part in source.parts
    if part in deciding | wanted
  }
  pixels = _alike(source, listed, deciding, request)
  if not wanted <= deciding:
    files.refuse(report)
    height, width, depth = next(iter(pixels.values())).images.shape[1:]
    more = wanted - deciding
    request = request._replace(
      size=size or (height, width), channels=channels or depth
    )
    pixels |= _alike(source, listed, more, request)
  if 'train' in pixels:
    _require_rows(pixels['train'], source.names, report)
  return pixels


def _alike(
  source: Source,
  listed: Mapping[str, list[File]],
  parts: set[str],
  request: Request,
) -> dict[str, files.Pixels]:
  names = {part: source.parts[part] for part in listed if part in parts}
  chosen = {name: listed[part] for part, name in names.items()}
  read = files.read_parts(chosen, request, source.report)
  return {part: read[name] for part, name in names.items()}


def _require_rows(
  pixels: files.Pixels, names: Sequence[str], report: Report
) -> None:
  there = {file.label for file in pixels.files}
  empty = [name for label, name in enumerate(names) if label not in there]
  if empty and there:
    report.faults.append(
      f'{len(empty)} of {len(names)} classes have no training row '
      f'({some(empty)}); put images there or remove these'
    )


def _in_test(split: Split) -> np.ndarray:
  """Marks the rows that are held out, b[N]: of each class by its name."""
  out = np.zeros(len(split.labels), bool)
  for label, name in enumerate(split.class_names):
    rows = np.flatnonzero(split.labels == label)
    count = max(round(len(rows) / _HELD_OUT), 1) if len(rows) > 1 else 0
    rng = np.random.default_rng(zlib.crc32(name.encode(errors='replace')))
    out[rng.permutation(rows)[:count]] = True
  return out


def _some(split: Split, rows: np.ndarray) -> Split:
  return split._replace(
    images=some_of(split.images, rows),
    labels=split.labels[rows],
    groups=None if split.groups is None else split.groups[rows],
    names=None if split.names is None else split.names[rows],
  )


def _say_lacking(test: Split, report: Report) -> None:
  there = set(test.labels.tolist())
  lacking = [n for c, n in enumerate(test.class_names) if c not in there]
  if not there:
    report.faults.append(
      'no class has two images, of which one could be held out for test; add '
      'test/CLASS/ or a test split'
    )
  elif lacking:
    report.notes.append(
      f'{len(lacking)} of {len(test.class_names)} classes have no test image '
      f'({some(lacking)})'
    )
