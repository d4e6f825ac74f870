"""Rows that a temperature and a limit are fitted on, and what a card says.

They are training rows with labels as given, also those that distillation does
not trust: rows that are trusted are the easy ones, and relabeled ones have the
labels that networks expect, so that a temperature of these is too low. Where a
transform has proposed labels, the noise of those given is estimated from them.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import jax
import numpy as np

from rdd_jax.artifact import store
from rdd_jax.data import Dataset
from rdd_jax.evaluation.calibration import BINS, CalibrationRows
from rdd_jax.evaluation.metrics import Row
from rdd_jax.experiment.trial import Trial, seed_directory
from rdd_jax.report import label_noise
from rdd_jax.robust.label_noise.record import DivertState
from rdd_jax.runtime.files import write_atomically

FILE = 'calibration.npz'
ROWS = 2000  # at most
GIVEN, CORRECTED = 'as given', 'as given, corrected for the noise estimated'


def draw(labels: np.ndarray, among: np.ndarray, n: int = ROWS) -> np.ndarray:
  """Draws rows at equal steps through the classes, in the order of the rows.

  Args:
    labels: `i[N]`.
    among: `b[N]`, the rows to draw from.
    n: how many at most.

  Returns:
    `i[<= n]`, row numbers in order of class.

  >>> draw(np.array([1, 0, 1, 0]), np.array([True, True, False, True])).tolist()
  [1, 3, 0]
  """
  order = np.argsort(labels, kind='stable')
  order = order[np.asarray(among)[order]]
  n = min(n, len(order))
  return order[np.arange(n) * len(order) // max(n, 1)]


def noise_of(
  given: np.ndarray, proposed: np.ndarray, num_classes: int
) -> np.ndarray:
  """Returns how often each class was given each label, `f[k, k]`.

  Args:
    given: `i[N]`.
    proposed: `i[N]`, labels that stand for the true ones.
    num_classes: k. A class that is never proposed keeps its label.

  >>> noise_of(np.array([0, 0, 1, 1]), np.array([0, 0, 0, 0]), 2)
  array([[0.5, 0.5],
         [0. , 1. ]])
  """
  count = np.zeros((num_classes, num_classes))
  np.add.at(count, (proposed, given), 1)
  count += np.diag(count.sum(1) == 0)
  return count / count.sum(1, keepdims=True)


def write(directory: Path, dataset: Dataset, state: Any) -> None:
  """Writes the noise that a chain found to `calibration.npz`; none without one.

  Args:
    directory: of the distillation seed.
    dataset: whose labels were in doubt.
    state: of the chain; the last diversion of labels counts.
  """
  path = directory / FILE
  found = jax.device_get(label_noise.diversions(state))
  if not found:
    path.unlink(missing_ok=True)
    return
  given = np.asarray(dataset.train_labels)
  proposed = _proposed(found[-1], given)
  buffer = io.BytesIO()
  np.savez(buffer, noise=noise_of(given, proposed, dataset.num_classes))
  directory.mkdir(parents=True, exist_ok=True)
  write_atomically(path, buffer.getvalue())


def _proposed(state: DivertState, given: np.ndarray) -> np.ndarray:
  """The label of each row that the last division says: `i[N]`."""
  last = min(int(state.round), len(state.trusted)) - 1
  keeps = state.trusted[last] | (state.proposed < 0)
  return np.where(keeps, given, state.proposed)


def rows(
  trial: Trial, arm: str, seed: int, chosen: store.Distilled
) -> CalibrationRows:
  """Returns training rows that a temperature is fitted on.

  Without the rows of the set itself. Baselines, and runs of earlier versions,
  take the labels for right.

  Args:
    trial: the run.
    arm: the name of the set.
    seed: the distillation seed.
    chosen: the set.
  """
  found = given(trial.dataset, chosen)
  path = _path(trial, arm, seed)
  if path is None:
    return found
  return found._replace(noise=store.unpack(path.read_bytes(), path)['noise'])


def given(dataset: Dataset, chosen: store.Distilled) -> CalibrationRows:
  """Returns training rows with labels as given, but for those of a set.

  Args:
    dataset: whose rows.
    chosen: a set; the `examples` on its card are left out while others remain.
  """
  labels = np.asarray(dataset.train_labels)
  names = dataset.example_names(np.arange(len(labels)))
  other = ~np.isin(names, chosen.card.get('examples', []))
  index = draw(labels, other if other.any() else np.ones_like(other))
  return CalibrationRows(
    dataset.train_images[index], labels[index].astype(np.int32)
  )


def labels_of(trial: Trial, arm: str, seed: int) -> str:
  """Returns how the labels of `rows` are taken, in words.

  Args:
    trial, arm, seed: as for `rows`.
  """
  return GIVEN if _path(trial, arm, seed) is None else CORRECTED


def _path(trial: Trial, arm: str, seed: int) -> Path | None:
  path = seed_directory(trial.workdir, seed) / FILE
  own = arm in ('distilled', 'initial') and path.exists()
  return path if own else None


def on_card(row: Row, labels: str) -> dict[str, Any]:
  """Returns what a card says of the calibration of a set, under `calibration`.

  Args:
    row: of networks on the set, of one distillation seed.
    labels: how those that it was fitted on were taken, in words.

  Returns:
    `temperature`, what divides logits of the networks on the card; `bins`, of
    the calibration errors in `numbers`; the `labels`; and `statistics_limit`,
    of the score `guarded`, where out-of-distribution sets were measured. Empty
    where no temperature was fitted.
  """
  if 'temperature' not in row:
    return {}
  found = {
    'temperature': row['temperature']['mean'],
    'bins': BINS,
    'labels': labels,
  }
  if 'statistics_limit' in row:
    found['statistics_limit'] = row['statistics_limit']['mean']
  return {'calibration': found}
