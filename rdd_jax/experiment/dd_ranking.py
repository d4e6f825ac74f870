"""Computes DD-Ranking's scores of a set, and trains what they are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypedDict

import jax
from jax import Array
import numpy as np

from rdd_jax import data
from rdd_jax.artifact import store
from rdd_jax.artifact.answered import KIND
from rdd_jax.config import defaults
from rdd_jax.config.build import recipes
from rdd_jax.config.build.training import dsa
from rdd_jax.config.presets.datasets import DSA_DIGITS
from rdd_jax.core.errors import UserError
from rdd_jax.evaluation.dd_ranking import (
  augmentation_robust_score,
  hard_label_recovery,
  improvement_over_random,
  label_robust_score,
)
from rdd_jax.evaluation.evaluate import summarize
from rdd_jax.evaluation.metrics import Row, pool
from rdd_jax.experiment import whole
from rdd_jax.experiment.baselines import baseline_like
from rdd_jax.experiment.judge import Judge
from rdd_jax.report.console import table
from rdd_jax.synthetic import view
from rdd_jax.training.fit import fit_many
from rdd_jax.training.predict import predict

AUGMENT = DSA_DIGITS  # where the card has none; keeps every data set's classes


class Ranking(TypedDict):
  """Rows of metrics by arm, and the scores, fractions, that they give."""

  rows: dict[str, Row]
  scores: dict[str, float]


def rank(
  judge: Judge,
  distilled: store.Distilled,
  dataset: data.Dataset,
  seeds: Array,
  *,
  whole_steps: int,
) -> Ranking:
  """Trains the set, random rows and all rows, each way that a score needs.

  Random rows have labels of the kind that the set has: where its own are soft,
  those that the first network on all rows gives them. They are drawn anew for
  each network. Without augmentation is without CutMix and mixup as well.

  Args:
    judge: of the set; its first network is trained.
    distilled: the set.
    dataset: with its training rows as given.
    seeds: typed keys `[s]` of networks; all arms share them.
    whole_steps: SGD steps on all training rows.

  Returns:
    The rows of `ranking_set`, `ranking_set_hard`, `ranking_random` and so on,
    and the scores `hlr`, `ior`, `lrs` and `ars`, with both weights a half.
  """
  if distilled.card.get('label_kind') == KIND:
    raise UserError(
      'a ranking trains without augmentation as well, and the labels of this '
      'set are stored for augmented views: rank a set with labels=teacher'
    )
  if not judge.nets:
    raise UserError(
      f'only {", ".join(judge.names)} judge, and a ranking '
      'trains networks: name one of them too'
    )
  name, net = next(iter(judge.nets.items()))
  judge = replace(
    judge, nets={name: net}, regressions={}, outside=None, shift=None, curves={}
  )
  bare = replace(judge.recipe, augment=None, cutmix=0.0, mixup=0.0)
  plain = replace(judge, recipe=bare)
  augmented = judge
  if judge.recipe.augment is None:
    augment = dsa(AUGMENT, 'one', siamese=False)
    augmented = replace(judge, recipe=replace(judge.recipe, augment=augment))
  whole, teacher = _whole(judge, distilled, dataset, seeds, whole_steps)
  soft = distilled.card.get('label_kind') not in ('hard', 'teacher')

  def random(judge: Judge) -> Row:
    drawn = [_random(distilled, dataset, key, teacher, soft) for key in seeds]
    found = [
      judge(rows, key[None])[name]
      for rows, key in zip(drawn, seeds, strict=True)
    ]
    return pool(found)

  hard = view.hard_targets(
    distilled.cells, dataset.num_classes, distilled.targets.shape[1]
  )
  rows = {
    'ranking_whole': whole,
    'ranking_random': random(augmented),
    'ranking_random_plain': random(plain),
    'ranking_set': augmented(distilled, seeds)[name],
    'ranking_set_plain': plain(distilled, seeds)[name],
    'ranking_set_hard': judge(
      replace(distilled, targets=hard, teacher=None), seeds
    )[name],
  }
  return {'rows': rows, 'scores': scores(rows, judge.recipe.augment is None)}


def scores(rows: Mapping[str, Row], plain: bool) -> dict[str, float]:
  """Computes DD-Ranking's scores from the mean accuracies of `rank`'s rows.

  Args:
    rows: of `rank`.
    plain: whether the set's own recipe has no augmentation.
  """
  mean = {name: row['accuracy']['mean'] for name, row in rows.items()}
  gains = {
    way: improvement_over_random(
      mean[f'ranking_set{way}'], mean[f'ranking_random{way}']
    )
    for way in ('', '_plain')
  }
  hlr = hard_label_recovery(mean['ranking_whole'], mean['ranking_set_hard'])
  ior = gains['_plain' if plain else '']
  return {
    'hlr': hlr,
    'ior': ior,
    'lrs': label_robust_score(hlr, ior),
    'ars': augmentation_robust_score(gains[''], gains['_plain']),
  }


def describe(ranking: Ranking) -> str:
  """Formats the table of accuracies, and the scores below it, as fractions."""
  told = ', '.join(f'{k.upper()} {v:.3f}' for k, v in ranking['scores'].items())
  return f'{table(ranking["rows"], ["accuracy"])}\nDD-Ranking: {told}'


def _random(
  distilled: store.Distilled,
  dataset: data.Dataset,
  key: Array,
  teacher: Any,
  soft: bool,
) -> store.Distilled:
  card = {**distilled.card, **({'label_kind': 'soft'} if soft else {})}
  own = replace(distilled, card=card)  # they are labeled below
  drawn = baseline_like('random', own, dataset, key)
  if not soft:
    return drawn
  pixels = np.rint(drawn.images * 255).astype(np.uint8)
  logits = teacher(pixels)
  return replace(drawn, targets=np.asarray(jax.nn.softmax(logits)))


def _whole(
  judge: Judge,
  distilled: store.Distilled,
  dataset: data.Dataset,
  seeds: Array,
  steps: int,
) -> tuple[Row, Any]:
  """Metrics of networks on all rows, and the logits of the first of them."""
  config = defaults.config()
  config.whole.steps = steps
  chosen = recipes.whole(config)
  if chosen is None:
    raise UserError(f'whole_steps is {steps}; give a number of steps above 0')
  chosen = replace(chosen, augment=judge.recipe.augment)
  net = next(iter(judge.nets.values()))
  outputs = distilled.targets.shape[1]
  batch, preprocess = whole.whole_batch(dataset, outputs, judge.preprocess)
  variables = fit_many(
    net,
    batch,
    chosen,
    num_classes=dataset.num_classes,
    input_shape=dataset.image_shape,
    seeds=seeds,
    preprocess=preprocess,
  )
  logits = predict(net, variables, dataset.test_images, judge.preprocess)
  row = summarize(logits, judge.held, dataset.num_classes)
  first = jax.tree.map(lambda leaf: leaf[:1], variables)
  return row, lambda images: predict(net, first, images, judge.preprocess)[0]
