"""Takes the labels that an earlier cleaning proposed: its `relabeled.csv`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from rdd_jax.core.errors import UserError
from rdd_jax.data.dataset import Dataset, take
from rdd_jax.data.readers.columns import read_columns
from rdd_jax.data.readers.report import some
from rdd_jax.runtime.logging import say

LEFT_OUT = 'left out'  # by `trust`, in words


def relabeled(dataset: Dataset, path: str) -> Dataset:
  """Returns a data set by the labels of a table, and prints what it changed.

  Training rows that the table names get the label that it proposes; those that
  it left out are dropped; others keep theirs, and so do test rows.

  Args:
    dataset: whose training rows have names, or else are named by number.
    path: of a CSV with the columns `file` and `proposed`, and optionally
      `trust`, as `relabeled.csv` has them.

  Raises:
    UserError: for another table, unknown classes, or one that names no
      training row or leaves a class without any.

  >>> import tempfile
  >>> from rdd_jax.data.mock import mock
  >>> data = mock((4, 4, 1), num_classes=2, n=10)
  >>> with tempfile.NamedTemporaryFile('w', suffix='.csv') as file:
  ...   _ = file.write('file,proposed\\n0,1\\n')
  ...   file.flush()
  ...   found = relabeled(data, file.name)  # doctest: +ELLIPSIS
  labels=...: 1 of 1 training labels that it names differ; 9 rows are not ...
  >>> int(found.train_labels[0])
  1
  """
  where = f'labels={path}'
  table = _table(Path(path).expanduser(), where)
  names = _names(dataset.train_names, len(dataset.train_labels))
  labels, stays = _labels(dataset, names, table, where)
  lacking = np.bincount(labels[stays], minlength=dataset.num_classes) == 0
  if lacking.any():
    empty = [dataset.class_names[c] for c in np.flatnonzero(lacking)]
    raise UserError(
      f'{where} leaves {len(empty)} classes without a training row '
      f'({some(empty)}); keep some of each'
    )
  changed = int((labels != dataset.train_labels).sum())
  count = sum(name in table for name in names) - (~stays).sum()
  lines = [f'{changed} of {count} training labels that it names differ']
  if not stays.all():
    lines.append(f'{(~stays).sum()} rows are left out, as it says')
  say(f'{where}: ' + '; '.join([*lines, *_rest(dataset, names, table)]))
  found = replace(dataset, train_labels=labels)
  return found if stays.all() else take(found, np.flatnonzero(stays))


def _labels(
  dataset: Dataset,
  names: list[str],
  table: Mapping[str, tuple[str, str]],
  where: str,
) -> tuple[np.ndarray, np.ndarray]:
  """The label of each training row, and whether it stays."""
  number = {name.strip(): c for c, name in enumerate(dataset.class_names)}
  there = [(row, *table[n]) for row, n in enumerate(names) if n in table]
  if not there:
    raise UserError(
      f'{where} names none of the {len(names)} training rows (it has '
      f'{some(list(table))}; they are {some(names)}); give the table of this '
      'data set'
    )
  kept = {row: new for row, new, trust in there if trust != LEFT_OUT}
  unknown = sorted(set(kept.values()) - set(number))
  if unknown:
    raise UserError(
      f'{where} proposes {len(unknown)} classes that there are not '
      f'({some(unknown)}); there are {some(dataset.class_names)}'
    )
  labels = dataset.train_labels.copy()
  for row, new in kept.items():
    labels[row] = number[new]
  stays = np.ones(len(names), bool)
  stays[[row for row, _, trust in there if trust == LEFT_OUT]] = False
  return labels, stays


def _rest(
  dataset: Dataset, names: list[str], table: Mapping[str, object]
) -> list[str]:
  """Says which rows it does not name, and which names are no training row."""
  lines = []
  unnamed = [name for name in names if name not in table]
  if unnamed:
    lines.append(
      f'{len(unnamed)} rows are not named and keep theirs ({some(unnamed)})'
    )
  tested: set[str] = set()
  if dataset.test_names is not None:
    tested = set(_names(dataset.test_names, 0)) & set(table)
  if tested:
    lines.append(
      f'{len(tested)} of its files are test rows here, which keep theirs '
      f'({some(sorted(tested))})'
    )
  others = [name for name in table if name not in tested.union(names)]
  if others:
    lines.append(f'{len(others)} of its files are no row ({some(others)})')
  return lines


def _names(names: np.ndarray | None, count: int) -> list[str]:
  given = range(count) if names is None else names.tolist()
  return [str(name).strip() for name in given]


def _table(file: Path, where: str) -> dict[str, tuple[str, str]]:
  """From each file to the label that is proposed and the trust in words."""
  if not file.is_file():
    raise UserError(f'{where} is not a file; check the path')
  found = read_columns(file, where)
  lacking = [name for name in ('file', 'proposed') if name not in found]
  if lacking:
    raise UserError(
      f'{where} has no column {" or ".join(lacking)} (it has '
      f'{some(list(found))}); give the relabeled.csv of a run'
    )
  trust = found.get('trust', [''] * len(found['file']))
  out: dict[str, tuple[str, str]] = {}
  for name, *entry in zip(found['file'], found['proposed'], trust, strict=True):
    if out.setdefault(name, (entry[0], entry[1])) != tuple(entry):
      raise UserError(
        f'{where} names {name} twice, with different labels; keep one row'
      )
  return out
