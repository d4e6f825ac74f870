"""Rows that the temperature of a set is fitted on, and what its card says."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import jax
import numpy as np

from rdd_jax.artifact import store
from rdd_jax.data import Dataset
from rdd_jax.distill import DistillState
from rdd_jax.evaluation.calibration import BINS, CalibrationRows
from rdd_jax.evaluation.metrics import Row
from rdd_jax.experiment.trial import Trial, seed_directory
from rdd_jax.report import label_noise
from rdd_jax.runtime.files import write_atomically

FILE = 'calibration.npz'
ROWS = 1000  # at most
MEASURE, GIVEN = 'as distilled', 'as given'  # the labels of these rows


def draw(labels: np.ndarray, weights: np.ndarray, n: int = ROWS) -> np.ndarray:
  """Draws rows by their weights, at equal steps through the classes.

  The draw is systematic and needs no key: rows are ordered by class, and row
  `floor((i + 1/2) / n)` of the cumulative weight is taken for each i.

  Args:
    labels: `i[N]`.
    weights: `f[N]`, not negative.
    n: how many at most; no more than have a weight.

  Returns:
    `i[<= n]`, row numbers in order of class.

  >>> draw(np.array([1, 0, 1, 0]), np.array([1.0, 1.0, 0.0, 1.0])).tolist()
  [1, 3, 0]
  """
  order = np.argsort(labels, kind='stable')
  mass = np.asarray(weights, np.float64)[order]
  order, mass = order[mass > 0], mass[mass > 0]
  n = min(n, len(order))
  upto = np.cumsum(mass)
  points = (np.arange(n) + 0.5) / max(n, 1) * upto[-1:]
  return order[np.searchsorted(upto, points, side='right')]


def write(directory: Path, state: DistillState, num_classes: int) -> None:
  """Writes rows as distillation sees them to `calibration.npz`.

  `index`, `i[m]`, numbers of training rows; `label`, `i[m]`, the likeliest
  class of their targets, which may be another than was given; and `noise`, the
  share of these labels that is expected to be wrong, where a transform has
  estimated it, else 0.

  Args:
    directory: of the distillation seed.
    state: of which the measure over training rows is read.
    num_classes: rows of further outputs are left out.
  """
  measure = state.measure
  targets, weights = jax.device_get((measure.targets, measure.weights))
  labels = targets.argmax(1)
  index = draw(labels, np.where(labels < num_classes, weights, 0.0))
  buffer = io.BytesIO()
  np.savez_compressed(
    buffer,
    index=index.astype(np.int32),
    label=labels[index].astype(np.int32),
    noise=_noise(state),
  )
  directory.mkdir(parents=True, exist_ok=True)
  write_atomically(directory / FILE, buffer.getvalue())


def _noise(state: DistillState) -> float:
  """The share of wrong labels that the last diversion expects to be left."""
  left = [
    float(found.expected[1])
    for found in jax.device_get(label_noise.diversions(state.transform))
  ]
  known = [share for share in left if np.isfinite(share)]
  return known[-1] if known else 0.0


def rows(
  trial: Trial, arm: str, seed: int, chosen: store.Distilled
) -> CalibrationRows:
  """Returns training rows that a temperature is fitted on.

  For what distillation made or began with, rows and labels as it saw them; for
  baselines, and for runs of earlier versions, with labels as given, and without
  the rows of the set itself.

  Args:
    trial: the run.
    arm: the name of the set.
    seed: the distillation seed.
    chosen: the set.
  """
  path = seed_directory(trial.workdir, seed) / FILE
  if labels_of(trial, arm, seed) == MEASURE:
    found = store.unpack(path.read_bytes(), path)
    return CalibrationRows(
      trial.dataset.train_images[found['index']],
      found['label'],
      float(found['noise']),
    )
  return given(trial.dataset, chosen)


def given(dataset: Dataset, chosen: store.Distilled) -> CalibrationRows:
  """Returns training rows with labels as given, but for those of a set.

  Args:
    dataset: whose rows.
    chosen: a set; the `examples` on its card are left out while others remain.
  """
  labels = np.asarray(dataset.train_labels)
  names = dataset.example_names(np.arange(len(labels)))
  other = ~np.isin(names, chosen.card.get('examples', []))
  index = draw(labels, other if other.any() else np.ones(len(labels)))
  return CalibrationRows(
    dataset.train_images[index], labels[index].astype(np.int32)
  )


def labels_of(trial: Trial, arm: str, seed: int) -> str:
  """Returns which labels `rows` have, in words.

  Args:
    trial, arm, seed: as for `rows`.
  """
  path = seed_directory(trial.workdir, seed) / FILE
  own = arm in ('distilled', 'initial') and path.exists()
  return MEASURE if own else GIVEN


def on_card(row: Row, labels: str) -> dict[str, Any]:
  """Returns what a card says of the calibration of a set, under `calibration`.

  Args:
    row: of networks on the set, of one distillation seed.
    labels: of the rows that it was fitted on, in words.

  Returns:
    `temperature`, what divides logits of the networks on the card; `bins`, of
    the calibration errors in `numbers`; and the `labels`. Empty where no
    temperature was fitted.
  """
  if 'temperature' not in row:
    return {}
  return {
    'calibration': {
      'temperature': row['temperature']['mean'],
      'bins': BINS,
      'labels': labels,
    }
  }
