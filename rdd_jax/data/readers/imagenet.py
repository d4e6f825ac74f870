"""Lists ImageNet as it is unpacked: validation images in no directories."""

from __future__ import annotations

import os
from pathlib import Path

from rdd_jax.core.errors import UserError
from rdd_jax.data.dataset import Split
from rdd_jax.data.readers import listing, rows
from rdd_jax.data.readers.report import Report
from rdd_jax.data.readers.request import Request
from rdd_jax.data.readers.rows import UNLABELED, Row, Table
from rdd_jax.data.readers.tiny import lines, titles

_INNER = Path('ILSVRC/Data/CLS-LOC')  # of Kaggle's archive
_LABELS, _WORDS = 'LOC_val_solution.csv', 'LOC_synset_mapping.txt'


def is_imagenet(path: Path) -> bool:
  """Tells whether a directory is ImageNet with validation images side by side.

  With a directory for each class, it is a folder like any other.
  """
  return any(_is_flat(place) for place in (path, path / _INNER))


def _is_flat(place: Path) -> bool:
  if not (os.path.isdir(place / 'train') and os.path.isdir(place / 'val')):
    return False
  with os.scandir(place / 'val') as inside:
    return any(entry.name.startswith('ILSVRC2012_val_') for entry in inside)


def read_imagenet(path: Path, request: Request) -> list[Split]:
  """Reads `train/WNID/*`, and `val/*` as `LOC_val_solution.csv` says.

  That file, and the words of classes, are Kaggle's. `val` stands in for
  `test`, which has no labels and is counted. Classes are in the order of their
  WNIDs.

  Args:
    path: of the directory, or of what Kaggle's archive unpacks to.
    request: of its splits.

  Raises:
    UserError: where the labels of `val` are missing, or as
      `folder.read_splits`.
  """
  base = next(p for p in (path, path / _INNER) if _is_flat(p))
  where = request.name
  report = Report(where)
  found = []
  wnids = listing.subdirectories(base / 'train')
  for file in listing.list_classes(base / 'train', wnids, path, report):
    found.append(Row(file.path, file.name, wnids[file.label], 'train'))
  report.total -= len(found)  # they are counted as rows
  labels = _beside(base, _LABELS)
  if labels is None:
    raise UserError(
      f'{where}: images of {base / "val"} are in no directories of classes, '
      f'and {_LABELS}, which has their labels, is not there: put that file of '
      f'the Kaggle archive in {base}, or each image in val/WNID/'
    )
  named = set()
  for line in lines(labels, where)[1:]:
    name, _, said = line.partition(',')
    at = base / 'val' / f'{name}.JPEG'
    inner = at.relative_to(path).as_posix()
    found.append(Row(at, inner, said.partition(' ')[0], 'val'))
    named.add(os.path.normpath(at))
  listing.count_unnamed(
    base / 'val', named, path, report, f'not named in {_LABELS}'
  )
  if os.path.isdir(base / 'test'):
    listing.count_unread(base / 'test', path, report, UNLABELED)
  report.notes.append('ImageNet as it is unpacked')
  words = _beside(base, _WORDS)
  said = titles(words, wnids, where, ' ') if words else {}
  return rows.read(Table(found, wnids, said), request, report)


def _beside(base: Path, name: str) -> Path | None:
  """A file in the directory, or where Kaggle's archive has it."""
  for place in (base, *base.absolute().parents[:3]):
    if (place / name).is_file():
      return place / name
  return None
