"""Writes what a run found of label noise: `trust.json`, `relabelled.npz`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import csv
from functools import partial
import io
import json
from pathlib import Path
from typing import Any

import jax
import numpy as np

from rdd_jax.data import Dataset
from rdd_jax.evaluation.lookup import find
from rdd_jax.evaluation.registry import TRUST
from rdd_jax.report.grid import grid_png
from rdd_jax.report.pictures import thumbnails
from rdd_jax.report.table import Table, plain, share
from rdd_jax.robust.label_noise.metrics import evidence, recall_by
from rdd_jax.robust.label_noise.record import LEFT_OUT, DivertState
from rdd_jax.runtime.files import write_atomically
from rdd_jax.runtime.logging import say

PROMISED = 0.02  # noise that is handed on without a word
RELABELED = 'relabeled.csv'
DISTRUSTED = 'distrusted.csv'
PICTURES = 'distrusted.npz'
SHOWN = 10  # distrusted images of each class in the picture


def write(directory: Path, dataset: Dataset, state: Any) -> None:
  """Writes what the diversions of a chain came to; nothing without one.

  - `relabelled.npz`: `index`, `given`, `proposed`, `trust` (2 trusted, with the
    label as given, 1 recalled with the proposed one, 0 left out).
  - `relabeled.csv`: the same to be read, the most doubtful first: `file` (or
    the number of the row), `given`, `proposed`, `trust` in words, `score`, for
    TAD the probability that the given label is right.
  - `trust.json`: for each division the shares of rows trusted and recalled,
    and, where the truth is known, the fields of `Evidence`.
  - `distrusted.png`: the rows of the highest loss that are not trusted, those
    of a given label in a row, the proposed label below each;
    `distrusted.csv`: the same columns of the same rows, in their order, and
    `distrusted.npz`: their `images`, u8, for the page.

  Args:
    directory: of the distillation seed.
    dataset: whose labels were in doubt.
    state: of the chain.
  """
  for found in diversions(state):
    _write(directory, dataset, found)


def diversions(state: Any) -> list[DivertState]:
  """Returns the states of TAD in the state of a chain."""
  leaves = jax.tree.leaves(state, is_leaf=lambda x: isinstance(x, DivertState))
  return [leaf for leaf in leaves if isinstance(leaf, DivertState)]


def summary(
  dataset: Dataset, state: DivertState
) -> list[dict[str, float | None]]:
  """Summarizes each division; without the true labels, only shares of rows.

  Labels that none was made wrong of are labels as given, not true ones.

  `recall` is also of the class where it is least, and of each known group.
  None stands for a share of nothing.

  Args:
    dataset: whose training rows were divided.
    state: of TAD.
  """
  given, groups = dataset.train_labels, dataset.train_groups
  truth = dataset.train_true_labels
  if truth is not None and np.array_equal(truth, given):
    truth = None  # noise of rate 0: nothing but the labels as given is known
  found = evidence(state, given, given if truth is None else truth)
  count = min(int(state.round), len(state.trusted))
  table = {'trusted': found.trusted, 'recalled': found.recalled}
  if truth is not None:
    by_class = recall_by(state, given, truth, truth, dataset.num_classes)
    worst = np.fmin.reduce(by_class, 1)  # of classes that have rows
    table = {**found._asdict(), 'recall_worst_class': worst}
  if truth is not None and groups is not None:
    k = int(groups.max()) + 1
    by_group = recall_by(state, given, truth, groups, k)
    table |= {f'recall_group_{i}': by_group[:, i] for i in range(k)}
  expected = np.asarray(state.expected)
  if np.isfinite(expected).all():
    table |= {
      'expected_given': np.full(count, expected[0]),
      'expected': np.full(count, expected[1]),
    }
  table = {name: np.asarray(values) for name, values in table.items()}
  return [
    {
      name: float(values[i]) if np.isfinite(values[i]) else None
      for name, values in table.items()
    }
    for i in range(count)
  ]


def trust_table(rows: Sequence[Mapping[str, float | None]]) -> Table:
  """Tabulates shares in per cent, a line for each division.

  Args:
    rows: of `trust.json`.
  """
  columns = [
    (name, metric.title)
    for record in TRUST
    for name in rows[0]
    if (metric := find(name, [record]))
  ]
  return plain(
    'Trust in labels',
    [title for _, title in columns],
    {
      f'division {i}': [share(row[name]) for name, _ in columns]
      for i, row in enumerate(rows)
    },
    'Per cent of training examples.',
  )


def verdict(row: Mapping[str, float | None]) -> str:
  """Says in a line what was handed on, and whether it kept the promise.

  Args:
    row: the last of `trust.json`.
  """
  shares = {name: share(row.get(name)) for name in ('trusted', 'recalled')}
  text = (
    f'label noise: {shares["trusted"]} % of the rows are trusted, '
    f'{shares["recalled"]} % relabeled'
  )
  given, left = row.get('expected_given'), row.get('expected')
  if given is None or left is None:
    return text
  text += (
    f'; wrong labels, as estimated: {share(given)} % as given, '
    f'{share(left)} % in what is handed on'
  )
  if left > max(given / 4, PROMISED):
    text += (
      ': more than a quarter. The probe knows too little of these images, or '
      'wrong labels look like what they say; look at distrusted.png, and give '
      'more rows or fewer classes'
    )
  return text


def _csv(
  dataset: Dataset,
  state: DivertState,
  trusted: np.ndarray,
  back: np.ndarray,
  rows: np.ndarray,
) -> bytes:
  """What was found of some rows, with the names of files and classes."""
  classes = dataset.class_names
  out = io.StringIO()
  writer = csv.writer(out, lineterminator='\n')
  writer.writerow(('file', 'given', 'proposed', 'trust', 'score'))
  for i, name in zip(rows, dataset.example_names(rows), strict=True):
    given = dataset.train_labels[i]
    writer.writerow(
      (
        name,
        classes[given],
        classes[given if trusted[i] else state.proposed[i]],
        'trusted' if trusted[i] else 'relabeled' if back[i] else 'left out',
        f'{1 - state.losses[i]:.4f}',
      )
    )
  return out.getvalue().encode()


def _write(directory: Path, dataset: Dataset, state: DivertState) -> None:
  state = jax.device_get(state)
  last = min(int(state.round), len(state.trusted)) - 1
  trusted = np.asarray(state.trusted[last])
  recalled = (np.asarray(state.labels[last]) != LEFT_OUT) & ~trusted
  buffer = io.BytesIO()
  np.savez(
    buffer,
    index=np.arange(len(trusted)),
    given=dataset.train_labels,
    proposed=np.where(trusted, dataset.train_labels, state.proposed),
    trust=np.where(trusted, 2, np.where(recalled, 1, 0)),
  )
  directory.mkdir(parents=True, exist_ok=True)
  write_atomically(directory / 'relabelled.npz', buffer.getvalue())
  table = partial(_csv, dataset, state, trusted, recalled)
  doubtful = np.argsort(-np.asarray(state.losses), kind='stable')
  write_atomically(directory / RELABELED, table(doubtful))
  rows = summary(dataset, state)
  write_atomically(
    directory / 'trust.json', json.dumps(rows, indent=1).encode()
  )
  say(verdict(rows[-1]))
  worst = np.argsort(np.where(trusted, -np.inf, state.losses))[::-1]
  worst = worst[~trusted[worst]]
  shown = np.concatenate(
    [
      worst[dataset.train_labels[worst] == c][:SHOWN]
      for c in range(dataset.num_classes)
    ]
  )
  if len(shown):
    grid_png(
      directory / 'distrusted.png',
      dataset.train_images[shown] / np.float32(255),
      dataset.train_labels[shown],
      dataset.class_names,
      captions=[dataset.class_names[c] for c in state.proposed[shown]],
    )
    write_atomically(directory / DISTRUSTED, table(shown))
    buffer = io.BytesIO()
    images = thumbnails(dataset.train_images[shown])
    np.savez_compressed(buffer, images=images)
    write_atomically(directory / PICTURES, buffer.getvalue())
