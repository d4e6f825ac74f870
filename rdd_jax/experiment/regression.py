"""Evaluates sets as the ridge regressions that they determine, by name."""

from __future__ import annotations

from functools import cache

import flax.linen as nn
from jax import Array

from rdd_jax.artifact import card, store
from rdd_jax.config.build.regression import closed_form
from rdd_jax.config.defaults import Config
from rdd_jax.core.transform import Transform
from rdd_jax.evaluation.evaluate import TestData
from rdd_jax.evaluation.metrics import Row
from rdd_jax.evaluation.regression import (
  CONJUGATE,
  evaluate_by_features,
  evaluate_by_kernel,
)
from rdd_jax.runtime.logging import say
from rdd_jax.training.recipe import Recipe


def judge(
  kind: str,
  distilled: store.Distilled,
  seeds: Array,
  *,
  held: TestData,
  config: Config,
  num_classes: int,
  net: nn.Module,
  recipe: Recipe,
  student: Transform,
) -> Row:
  """Computes the metrics of ridge regression on a set.

  Args:
    kind: one of `REGRESSIONS`: 'ntk' and 'nngp' by `config.kernel`, of one
      value; 'conjugate' on the features of networks that train on the set.
    distilled: the set.
    seeds: typed keys `[s]`, one for each network.
    held: the rows that it is evaluated on.
    config: of which `kernel` is read.
    num_classes: of the data set.
    net: of 'conjugate'.
    recipe: of its training.
    student: edits each of its minibatches.
  """
  batch = store.to_batch(distilled)
  if distilled.teacher is not None:
    _tell(f'{kind}: regresses on the classes of the set, and asks no teacher')
  common = {
    'num_classes': num_classes,
    'preprocess': distilled.preprocessing,
    'ridge': config.kernel.ridge,
    'scale': distilled.card.get('labels', card.labels(1))['scale'],
  }
  if kind == CONJUGATE:
    return evaluate_by_features(
      net, batch, held, recipe, seeds=seeds, student=student, **common
    )
  kernel = closed_form(config)
  return evaluate_by_kernel(
    lambda *x: getattr(kernel(*x), kind), batch, held, **common
  )


@cache
def _tell(line: str) -> None:
  say(line)
