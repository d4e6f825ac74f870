"""Judging a training set by the networks that learn from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import flax.linen as nn
import jax
from jax import Array
import numpy as np

from rdd_jax.core.batch import Batch
from rdd_jax.core.transform import Transform, identity
from rdd_jax.evaluation import metrics
from rdd_jax.evaluation.metrics import Row
from rdd_jax.evaluation.ood.curves import Curves
from rdd_jax.evaluation.ood.detect import Outside, detect
from rdd_jax.evaluation.shift.shift import Shift
from rdd_jax.evaluation.shift.shift import measure as shifted
from rdd_jax.images.preprocessing import Preprocessing
from rdd_jax.training.fit import fit_many, predict
from rdd_jax.training.recipe import Recipe


class Held(NamedTuple):
  """Rows held out for judging.

  Attributes:
    images: `u8[n, H, W, C]`.
    labels: `i[n]`.
    groups: `i[n]`, for `worst_group` and `group_balanced`.
    rare: `b[n]`, minority rows, for `rare_group` and `majority_group`.
  """

  images: np.ndarray | Array
  labels: np.ndarray
  groups: np.ndarray | None = None
  rare: np.ndarray | None = None


def evaluate(
  net: nn.Module,
  batch: Batch,
  held: Held,
  recipe: Recipe,
  *,
  num_classes: int,
  preprocess: Preprocessing,
  seeds: Array,
  student: Transform = identity(),
  learning_rate: float | None = None,
  outside: Outside | None = None,
  shift: Shift | None = None,
  show: Callable[[Curves], None] = lambda curves: None,
) -> Row:
  """Metrics on held-out rows of networks trained on `batch`, over seeds.

  Args:
    net: the network to train.
    batch: `n` rows; uint8 inputs are preprocessed in flight, inputs of another
      type are what the network takes.
    held: the rows that the trained networks are judged on.
    recipe: how the networks are trained.
    num_classes: the number of classes.
    preprocess: from uint8 images to what the network takes.
    seeds: typed keys `[s]`, one for each network.
    student: edits every minibatch.
    learning_rate: instead of the recipe's; see `fit_many`.
    outside: what is to be told from the data, for the metrics of `detect`.
    shift: other test rows and groups of them, for those of `shift.measure`.
    show: called with the curves of the first network.

  Returns:
    A summary of each metric.
  """
  raw = batch.inputs.dtype == np.uint8
  shape = jax.eval_shape(
    preprocess, batch.inputs[:1] if raw else held.images[:1]
  )
  variables = fit_many(
    net,
    batch,
    recipe,
    num_classes=num_classes,
    input_shape=shape.shape[1:],
    seeds=seeds,
    student=student,
    preprocess=preprocess if raw else None,
    learning_rate=learning_rate,
  )
  logits = predict(net, variables, held.images, preprocess)
  row = summarise(logits, held, num_classes)
  if shift is not None:
    row |= shifted(
      net,
      variables,
      shift,
      logits,
      held.labels,
      num_classes=num_classes,
      preprocess=preprocess,
    )
  if outside is None:
    return row
  found, curves = detect(
    net,
    variables,
    batch,
    outside,
    recipe,
    num_classes=num_classes,
    preprocess=preprocess,
    key=seeds[0],
  )
  show(curves)
  return {**row, **found}


def summarise(logits: np.ndarray, held: Held, num_classes: int) -> Row:
  """A summary of each metric, from logits `f[s, n, o]` of `s` networks."""
  values = [
    metrics.measure(
      one,
      held.labels,
      num_classes=num_classes,
      groups=held.groups,
      rare=held.rare,
    )
    for one in logits
  ]
  return {m: metrics.summary([v[m] for v in values]) for m in values[0]}


def evaluate_networks(
  nets: Mapping[str, nn.Module],
  batch: Batch,
  held: Held,
  recipes: Recipe | Mapping[str, Recipe],
  *,
  num_classes: int,
  preprocess: Preprocessing,
  seeds: Array,
  student: Transform = identity(),
  outside: Outside | None = None,
  shift: Shift | None = None,
) -> dict[str, Row]:
  """`evaluate` for each of several networks: the cross-architecture table.

  `recipes` is one for all, or one for each by name: some networks need another
  learning rate (VGG takes a tenth of the ConvNet's in GLaD).
  """
  return {
    name: evaluate(
      net,
      batch,
      held,
      recipes if isinstance(recipes, Recipe) else recipes[name],
      num_classes=num_classes,
      preprocess=preprocess,
      seeds=seeds,
      student=student,
      outside=outside,
      shift=shift,
    )
    for name, net in nets.items()
  }
