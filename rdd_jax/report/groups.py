"""Writes the groups that a run found: `groups.json`, `groups.npz`, a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import csv
import io
import json
from pathlib import Path
from typing import Any

import jax
import numpy as np

from rdd_jax.data import Dataset
from rdd_jax.evaluation.registry import GROUPS, Metric
from rdd_jax.report.grid import grid_png
from rdd_jax.report.pictures import thumbnails
from rdd_jax.report.table import Table, plain
from rdd_jax.robust.groups.discover import GroupsState
from rdd_jax.runtime.files import write_atomically

SHOWN = 10  # images of each class in the picture
PICTURES = 'groups_shown.npz'


def write(directory: Path, dataset: Dataset, state: Any) -> None:
  """Writes what the finders of a chain saw; nothing without one.

  - `groups.npz`: `index`, `given` (the label), `group` (-1 is none), `factor`.
  - `groups.json`: for each class its rows, the share of those that are set
    apart, in a group that is not its largest, the separation of the clearest
    split, and, where rare rows are known, the precision and the recall of what
    is set apart.
  - `groups.png`: rows that are set apart, those of a class in a row, whose
    names are `shown` of `groups.json`; `groups_shown.npz`: their `images`, u8,
    for the page.
  - `groups.csv`: `file` (or the number of the row), `class`, `group`, `factor`.

  Args:
    directory: of the distillation seed.
    dataset: whose rows were grouped.
    state: of the chain.
  """
  leaves = jax.tree.leaves(
    state, is_leaf=lambda leaf: isinstance(leaf, GroupsState)
  )
  for found in leaves:
    if isinstance(found, GroupsState):
      _write(directory, dataset, jax.device_get(found))


def summary(
  dataset: Dataset, state: GroupsState
) -> list[dict[str, float | None]]:
  """Summarizes the groups of each class; None stands for what is not known.

  Args:
    dataset: whose training rows were grouped.
    state: of the transform that found groups.

  Returns:
    For each class the number of rows, the share apart from its largest group,
    and, where rare rows are known, the precision and recall of these.
  """
  groups, rare = np.asarray(state.groups), dataset.train_rare
  aside = apart(groups, dataset.train_labels, dataset.num_classes)
  table = []
  for c in range(dataset.num_classes):
    own = dataset.train_labels == c
    picked = aside & own
    row: dict[str, float | None] = {
      'rows': int(own.sum()),
      'share': float(picked.sum() / own.sum()),
      'separation': _known(float(state.separation[c])),
    }
    if rare is not None:
      both = (picked & rare).sum()
      row['precision'] = _ratio(both, picked.sum())
      row['recall'] = _ratio(both, (own & rare).sum())
    table.append(row)
  return table


def apart(
  groups: np.ndarray, labels: np.ndarray, num_classes: int
) -> np.ndarray:
  """Marks the rows of all groups of a class but the largest, `b[N]`.

  Args:
    groups: `i[N]`; negative for rows in none.
    labels: `i[N]`.
    num_classes: number of classes.

  >>> apart(np.array([0, 0, 1]), np.zeros(3, int), 1)
  array([False, False,  True])
  """
  marked = np.zeros(len(groups), bool)
  for c in range(num_classes):
    own = (labels == c) & (groups >= 0)
    found, rows = np.unique(groups[own], return_counts=True)
    if len(found):
      marked |= own & (groups != found[rows.argmax()])
  return marked


def group_table(
  rows: Sequence[Mapping[str, float | None]], class_names: Sequence[str]
) -> Table:
  """Tabulates what was found in each class, shares in per cent.

  Args:
    rows: of `groups.json`.
    class_names: one for each row; numbers stand for ().
  """
  labels = class_names or [str(c) for c in range(len(rows))]
  columns = [metric for metric in GROUPS if metric.name in rows[0]]
  return plain(
    'Groups that were found',
    [metric.title for metric in columns],
    {
      label: [_cell(metric, row[metric.name]) for metric in columns]
      for label, row in zip(labels, rows, strict=True)
    },
    'Set apart are all groups of a class but its largest; of a class that was '
    'left whole there are none.',
  )


def shown_table(
  rows: Sequence[Mapping[str, Any]], class_names: Sequence[str]
) -> Table:
  """Tabulates the examples of `groups.png`.

  Args:
    rows: of `groups.json`.
    class_names: one for each row; numbers stand for ().
  """
  labels = class_names or [str(c) for c in range(len(rows))]
  return plain(
    'Files that were set apart',
    ['files, in the order of the pictures'],
    {
      label: [', '.join(row['shown'])]
      for label, row in zip(labels, rows, strict=True)
      if row.get('shown')
    },
    'Of examples without a file, their numbers.',
  )


def _cell(metric: Metric, value: float | None) -> str:
  if value is None:
    return '-'
  return f'{100 * value if metric.unit else value:.1f}'


def _write(directory: Path, dataset: Dataset, state: GroupsState) -> None:
  directory.mkdir(parents=True, exist_ok=True)
  np.savez(
    directory / 'groups.npz',
    index=np.arange(len(state.groups)),
    given=dataset.train_labels,
    group=state.groups,
    factor=state.factors,
  )
  aside = apart(
    np.asarray(state.groups), dataset.train_labels, dataset.num_classes
  )
  shown = [
    np.flatnonzero(aside & (dataset.train_labels == c))[:SHOWN]
    for c in range(dataset.num_classes)
  ]
  table = [
    {**row, 'shown': dataset.example_names(picked)}
    for row, picked in zip(summary(dataset, state), shown, strict=True)
  ]
  text = json.dumps(table, indent=1)
  write_atomically(directory / 'groups.json', text.encode())
  write_atomically(directory / 'groups.csv', _csv(dataset, state))
  rows = np.concatenate(shown)
  if len(rows):
    grid_png(
      directory / 'groups.png',
      dataset.train_images[rows] / np.float32(255),
      dataset.train_labels[rows],
      dataset.class_names,
    )
    buffer = io.BytesIO()
    images = thumbnails(dataset.train_images[rows])
    np.savez_compressed(buffer, images=images)
    write_atomically(directory / PICTURES, buffer.getvalue())


def _csv(dataset: Dataset, state: GroupsState) -> bytes:
  out = io.StringIO()
  writer = csv.writer(out, lineterminator='\n')
  writer.writerow(('file', 'class', 'group', 'factor'))
  names = dataset.example_names(np.arange(len(state.groups)))
  classes = [dataset.class_names[c] for c in dataset.train_labels]
  factors = [f'{factor:.4g}' for factor in np.asarray(state.factors)]
  writer.writerows(zip(names, classes, state.groups, factors, strict=True))
  return out.getvalue().encode()


def _ratio(a: Any, b: Any) -> float | None:
  return float(a / b) if b else None


def _known(value: float) -> float | None:
  return value if np.isfinite(value) else None
