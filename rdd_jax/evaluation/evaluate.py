"""Evaluates a training set by networks that are trained on it from scratch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

import flax.linen as nn
import jax
from jax import Array
import numpy as np

from rdd_jax.core.batch import Batch
from rdd_jax.core.parts import Parts, in_one
from rdd_jax.core.streamed import Images
from rdd_jax.core.transform import Transform, identity
from rdd_jax.evaluation import calibration, metrics
from rdd_jax.evaluation.calibration import Calibrated, CalibrationRows
from rdd_jax.evaluation.metrics import Row
from rdd_jax.evaluation.ood.curves import Curves
from rdd_jax.evaluation.ood.detect import OODBenchmark, detect
from rdd_jax.evaluation.shift.shift import Shift
from rdd_jax.evaluation.shift.shift import measure as shifted
from rdd_jax.images.preprocessing import Preprocessing
from rdd_jax.training.fit import Told, fit_in_turn
from rdd_jax.training.predict import predict
from rdd_jax.training.recipe import Recipe
from rdd_jax.training.stored import Labeler

Diagrams = dict[str, dict[str, list[float]]]

IN_FLIGHT = 2**24  # values of uint8 rows: more are preprocessed as they go by


class TestData(NamedTuple):
  """The test rows of a data set.

  Attributes:
    images: `u8[n, H, W, C]`.
    labels: `i[n]`.
    groups: `i[n]`, for `worst_group`, `group_balanced` and the odds.
    rare: `b[n]`, minority rows, for `rare_group` and `majority_group`.
    trained: `i[n]`, how many training rows are of the class and group of each,
      for `adjusted_accuracy`.
  """

  images: Images
  labels: np.ndarray
  groups: np.ndarray | None = None
  rare: np.ndarray | None = None
  trained: np.ndarray | None = None


def evaluate(
  net: nn.Module,
  batch: Batch,
  test: TestData,
  recipe: Recipe,
  *,
  num_classes: int,
  preprocess: Preprocessing,
  seeds: Array,
  student: Transform = identity(),
  learning_rate: float | None = None,
  teacher: Labeler | None = None,
  ood: OODBenchmark | None = None,
  shift: Shift | None = None,
  calibrate: CalibrationRows | Calibrated | None = None,
  show: Callable[[Curves], None] = lambda curves: None,
  diagram: Callable[[Diagrams], None] = lambda found: None,
  tell: Told = lambda trained, left: None,
  parts: Parts = in_one,
) -> Row:
  """Trains a network on `batch` for each seed, and measures it on test rows.

  Args:
    net: the network to train.
    batch: `n` rows; uint8 inputs are preprocessed, in flight if they are many;
      inputs of another type are what the network takes.
    test: the rows that the trained networks are measured on.
    recipe: how the networks are trained.
    num_classes: the number of classes.
    preprocess: from uint8 images to what the network takes.
    seeds: typed keys `[s]`, one for each network.
    student: edits every minibatch.
    learning_rate: instead of the recipe's; see `fit_many`.
    teacher: labels each view of the rows, see `fit_many`.
    ood: the rows in and out of distribution, for the metrics of `detect`.
    shift: other test rows and groups of them, for those of `shift.measure`.
    calibrate: what was fitted on real rows, or rows to fit it on, for all the
      networks together. Then `ece_calibrated` and `temperature` are measured
      too, and the score `guarded`; nothing else reads scaled logits.
    show: called with the curves of the first network.
    diagram: called with the reliability diagrams of the first network, by
      'before' and, with a temperature, 'after'.
    tell: called with how many networks were just trained, and how many are
      left.
    parts: trains each of them, see `fit_in_turn`.

  Returns:
    A summary of each metric; `registry.METRICS` has their meanings.
  """
  raw = batch.inputs.dtype == np.uint8
  if raw and batch.inputs.size <= IN_FLIGHT:
    # A program of its own for rows of this type would take longer.
    batch, raw = replace(batch, inputs=preprocess(batch.inputs)), False
  shape = jax.eval_shape(
    preprocess, batch.inputs[:1] if raw else test.images[:1]
  )
  variables = fit_in_turn(
    net,
    batch,
    recipe,
    num_classes=num_classes,
    input_shape=shape.shape[1:],
    seeds=seeds,
    tell=tell,
    parts=parts,
    student=student,
    preprocess=preprocess if raw else None,
    learning_rate=learning_rate,
    teacher=teacher,
  )
  logits = predict(net, variables, test.images, preprocess)
  row = summarize(logits, test, num_classes)
  temperature = limit = rows = None
  if isinstance(calibrate, CalibrationRows):
    rows = calibrate.images
    said = predict(net, variables, rows, preprocess)
    temperature = calibration.shared_temperature(
      said[..., :num_classes], calibrate.labels, calibrate.noise
    )
  elif calibrate is not None:
    temperature, limit = calibrate
  if temperature is not None:
    row |= calibrated(logits[..., :num_classes], test.labels, temperature)
  diagram(diagrams(logits[0, :, :num_classes], test.labels, temperature))
  if shift is not None:
    row |= shifted(
      net,
      variables,
      shift,
      logits,
      test.labels,
      num_classes=num_classes,
      preprocess=preprocess,
    )
  if ood is None:
    return row
  found, curves = detect(
    net,
    variables,
    batch,
    ood,
    recipe,
    num_classes=num_classes,
    preprocess=preprocess,
    key=seeds[0],
    calibration_rows=rows,
    limit=limit,
  )
  show(curves)
  return {**row, **found}


def summarize(logits: np.ndarray, test: TestData, num_classes: int) -> Row:
  """Summarizes each metric over networks.

  Args:
    logits: `f[s, n, o]` of `s` networks.
    test: the `n` rows.
    num_classes: the number of classes; further outputs are left out.

  >>> test = TestData(np.zeros((2, 1, 1, 1), np.uint8), np.array([0, 1]))
  >>> logits = np.array([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [1.0, 0.0]]])
  >>> summarize(logits, test, 2)['accuracy']['mean']
  0.75
  """
  values = [
    metrics.measure(
      one,
      test.labels,
      num_classes=num_classes,
      groups=test.groups,
      rare=test.rare,
      trained=test.trained,
    )
    for one in logits
  ]
  return {m: metrics.summary([v[m] for v in values]) for m in values[0]}


def calibrated(
  logits: np.ndarray, labels: np.ndarray, temperature: float
) -> Row:
  """Summarizes calibration after temperature scaling, over networks.

  Args:
    logits: `f[s, n, k]`, of the classes alone.
    labels: `i[n]`.
    temperature: divides the logits.

  Returns:
    `ece_calibrated`; and `temperature`, one value for all networks.

  >>> row = calibrated(np.zeros((1, 4, 2)), np.array([0, 0, 0, 1]), 2.0)
  >>> row['ece_calibrated']['mean'], row['temperature']['mean']
  (0.25, 2.0)
  """
  errors = [calibration.ece(one / temperature, labels) for one in logits]
  return {
    'ece_calibrated': metrics.summary(errors),
    'temperature': metrics.summary([temperature]),
  }


def diagrams(
  logits: np.ndarray, labels: np.ndarray, temperature: float | None = None
) -> Diagrams:
  """Draws up reliability diagrams of a network, as JSON takes them.

  Args:
    logits: `f[n, k]`, of the classes alone.
    labels: `i[n]`.
    temperature: divides the logits of 'after'; None has 'before' alone.

  >>> found = diagrams(np.zeros((1, 2)), np.array([0]), 2.0)
  >>> list(found), list(found['after'])
  (['before', 'after'], ['share', 'confidence', 'accuracy'])
  """
  scaled = {'before': 1.0} | ({'after': temperature} if temperature else {})
  return {
    when: {
      name: values.tolist()
      for name, values in calibration.reliability(logits / t, labels)
      ._asdict()
      .items()
    }
    for when, t in scaled.items()
  }


def evaluate_networks(
  nets: Mapping[str, nn.Module],
  batch: Batch,
  test: TestData,
  recipes: Recipe | Mapping[str, Recipe],
  *,
  num_classes: int,
  preprocess: Preprocessing,
  seeds: Array,
  student: Transform = identity(),
  ood: OODBenchmark | None = None,
  shift: Shift | None = None,
) -> dict[str, Row]:
  """Evaluates with each of several networks: the cross-architecture table.

  Args:
    nets: by name.
    batch: see `evaluate`.
    test: see `evaluate`.
    recipes: one for all, or one for each by name: some networks need another
      learning rate (VGG takes a tenth of the ConvNet's in GLaD).
    num_classes: see `evaluate`.
    preprocess: see `evaluate`.
    seeds: see `evaluate`.
    student: see `evaluate`.
    ood: see `evaluate`.
    shift: see `evaluate`.

  Returns:
    A row of `evaluate` for each name.
  """
  return {
    name: evaluate(
      net,
      batch,
      test,
      recipes if isinstance(recipes, Recipe) else recipes[name],
      num_classes=num_classes,
      preprocess=preprocess,
      seeds=seeds,
      student=student,
      ood=ood,
      shift=shift,
    )
    for name, net in nets.items()
  }
