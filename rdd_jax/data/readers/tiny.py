"""Lists Tiny ImageNet as it is published, `tiny-imagenet-200`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
import os
from pathlib import Path

from rdd_jax.core.errors import UserError
from rdd_jax.data.dataset import Split
from rdd_jax.data.readers import listing, rows
from rdd_jax.data.readers.report import Report
from rdd_jax.data.readers.request import Request
from rdd_jax.data.readers.rows import Row, Table

_ANNOTATIONS = 'val/val_annotations.txt'


def is_tiny(path: Path) -> bool:
  """Tells whether a directory is `tiny-imagenet-200`."""
  return (path / _ANNOTATIONS).is_file() and os.path.isdir(path / 'val/images')


def read_tiny(path: Path, request: Request) -> list[Split]:
  """Reads `train/WNID/images/*`, and `val/images/*` as its annotations say.

  `val` stands in for `test`, which has no labels and is counted. Classes are
  in the order of their WNIDs, called by the first word that `words.txt` has
  for them.

  Args:
    path: of the directory.
    request: of its splits.

  Raises:
    UserError: for damaged annotations, or as `folder.read_splits`.
  """
  where = request.name
  report = Report(where)
  wnids = listing.subdirectories(path / 'train')
  listed = listing.list_classes(path / 'train', wnids, path, report)
  report.total -= len(listed)  # they are counted as rows
  found = [
    Row(file.path, file.name, wnids[file.label], 'train') for file in listed
  ]
  for line in lines(path / _ANNOTATIONS, where):
    name, _, rest = line.partition('\t')
    inner = f'val/images/{name}'
    found.append(Row(path / inner, inner, rest.partition('\t')[0], 'val'))
  named = {os.path.normpath(path / row.name) for row in found}
  named.add(os.path.normpath(path / _ANNOTATIONS))
  for name in ('wnids.txt', 'words.txt'):
    named.add(os.path.normpath(path / name))
  listing.count_unnamed(
    path / 'val', named, path, report, 'not named in val_annotations.txt'
  )
  for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
    at = Path(entry.path)
    if entry.name not in ('train', 'val') and os.path.normpath(at) not in named:
      listing.count_unread(at, path, report, 'without a label')
  report.notes.append('tiny-imagenet-200 as published')
  table = Table(found, wnids, titles(path / 'words.txt', wnids, where))
  return rows.read(table, request, report)


def titles(
  file: Path, wnids: Sequence[str], where: str, separator: str = '\t'
) -> dict[str, str]:
  """Returns the first word of each class; with the WNID where two share it.

  Args:
    file: lines of a WNID and its words; there may be none.
    wnids: of the classes.
    where: what errors call it.
    separator: between a WNID and its words.

  Raises:
    UserError: for a file that cannot be read.
  """
  if not file.is_file():
    return {}
  pairs = (line.partition(separator) for line in lines(file, where))
  words = {wnid: rest for wnid, _, rest in pairs}
  first = {w: words[w].partition(',')[0].strip() for w in wnids if w in words}
  shared = Counter(first.values())
  return {
    wnid: word if shared[word] == 1 else f'{word} ({wnid})'
    for wnid, word in first.items()
    if word
  }


def lines(file: Path, where: str) -> list[str]:
  """Returns the lines of a file that are not empty.

  Args:
    file: of text.
    where: what errors call what it is part of.

  Raises:
    UserError: for a file that cannot be read.
  """
  try:
    found = file.read_text(encoding='utf-8').splitlines()
  except (OSError, UnicodeDecodeError) as error:
    raise UserError(
      f'{where}: {file.name} cannot be read ({error}); unpack it again'
    ) from error
  return [line for line in found if line.strip()]
