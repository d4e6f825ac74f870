"""How well the networks of a set tell inputs that come from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import flax.linen as nn
import jax
from jax import Array
import jax.numpy as jnp
import numpy as np

from rdd_jax.core import keys
from rdd_jax.core.batch import Batch
from rdd_jax.evaluation import metrics
from rdd_jax.evaluation.metrics import Row
from rdd_jax.evaluation.ood import metrics as detection
from rdd_jax.evaluation.ood import scores
from rdd_jax.evaluation.ood.curves import Curves, curves
from rdd_jax.evaluation.ood.odin import odin
from rdd_jax.images.preprocessing import Preprocessing
from rdd_jax.networks import Variables
from rdd_jax.training.fit import outputs
from rdd_jax.training.recipe import Recipe

PRINCIPAL = ('msp', 'energy')  # the scores that are reported in full
REFERENCE = 5000  # rows, with their views, whose features are compared


class Foreign(NamedTuple):
  """One set from elsewhere.

  Attributes:
    name: of it.
    images: `u8[n, H, W, C]`.
    near: made of, or much like, the data itself; averaged apart.
    seen: its kind was trained on by some arm of the comparison, so that it is
      shown and not averaged.
  """

  name: str
  images: np.ndarray
  near: bool = False
  seen: bool = False


class Outside(NamedTuple):
  """What is to be told apart.

  Attributes:
    inside: `u8[n, H, W, C]`, test rows of the data itself.
    labels: `i[n]`, theirs.
    sets: from elsewhere.
    views: augmented views of the training set whose features are compared.
    odin: whether the ODIN score is computed as well.
  """

  inside: np.ndarray
  labels: np.ndarray
  sets: tuple[Foreign, ...]
  views: int = 10
  odin: bool = False


def detect(
  net: nn.Module,
  variables: Variables,
  batch: Batch,
  outside: Outside,
  recipe: Recipe,
  *,
  num_classes: int,
  preprocess: Preprocessing,
  key: Array,
) -> tuple[Row, Curves]:
  """Detection metrics of trained networks, one value for each.

  Args:
    net: the network.
    variables: of `s` networks, stacked.
    batch: what they were trained on.
    outside: what is to be told apart.
    recipe: whose augmentation makes the views.
    num_classes: cells of `batch` below it are in-distribution.
    preprocess: from uint8 to network inputs.
    key: of the views.

  Returns:
    A row of `auroc` and `fpr95` of the score MSP, means over the far sets that
    count; the same of other scores, `auroc_energy` and so on, and of the near
    sets, `near_auroc`; of each set, `auroc@NAME`; for MSP and energy `aupr_in`,
    `aupr_out` and `fpr95_out` too; `auroc_wrong`, how well MSP tells wrong
    predictions from right ones; and `ece_scaled`, after temperature scaling.
    And the curves of the first network.
  """
  references = _references(
    net, variables, batch, outside.views, recipe, num_classes, preprocess, key
  )

  def scored(
    images: np.ndarray,
  ) -> tuple[list[dict[str, np.ndarray]], np.ndarray]:
    logits, features = outputs(net, variables, images, preprocess)
    found = [
      scores.score_all(scores.Outputs(z, f), num_classes, reference)
      for z, f, reference in zip(logits, features, references, strict=True)
    ]
    if outside.odin:
      extra = odin(net, variables, images, preprocess, num_classes)
      found = [{**s, 'odin': e} for s, e in zip(found, extra, strict=True)]
    return found, logits

  inside, logits = scored(outside.inside)
  foreign = {f.name: scored(f.images)[0] for f in outside.sets}
  values = []
  for i, own in enumerate(inside):
    apart = {
      (score, name): detection.detect(own[score], theirs[i][score])
      for name, theirs in foreign.items()
      for score in own
    }
    values.append(
      _row(apart, outside.sets)
      | {
        'auroc_wrong': detection.misclassification(
          logits[i][:, :num_classes], outside.labels
        ),
        # Of a network that diverged, it is no number.
        'ece_scaled': float(
          np.nan_to_num(
            detection.scaled_ece(logits[i][:, :num_classes], outside.labels),
            nan=1.0,
          )
        ),
      }
    )
  row = {m: metrics.summary([v[m] for v in values]) for m in values[0]}
  first = {name: theirs[0] for name, theirs in foreign.items()}
  return row, curves(inside[0], first)


def suffix(score: str) -> str:
  """What a metric's name ends with; the field's default score has none."""
  return '' if score == 'msp' else f'_{score}'


def _row(
  apart: Mapping[tuple[str, str], Mapping[str, float]], sets: Sequence[Foreign]
) -> dict[str, float]:
  """The metrics of each set, and their means over far and over near ones."""
  row: dict[str, float] = {}
  places = {
    '': [f.name for f in sets if not (f.near or f.seen)],
    'near_': [f.name for f in sets if f.near and not f.seen],
  }
  for score in dict.fromkeys(score for score, _ in apart):
    every = tuple(apart[score, sets[0].name])
    kept = every if score in PRINCIPAL else ('auroc', 'fpr95')
    for place, names in places.items():
      for metric in kept if names else ():
        row[f'{place}{metric}{suffix(score)}'] = float(
          np.mean([apart[score, name][metric] for name in names])
        )
    for f in sets:
      for metric in ('auroc', 'fpr95'):
        name = f'{metric}{suffix(score)}@{f.name}'
        row[name] = apart[score, f.name][metric]
  return row


def _references(
  net: nn.Module,
  variables: Variables,
  batch: Batch,
  views: int,
  recipe: Recipe,
  num_classes: int,
  preprocess: Preprocessing,
  key: Array,
) -> list[scores.Reference]:
  """What features of each network are compared to."""
  cells = np.asarray(batch.cells)
  rows = np.flatnonzero((cells < num_classes) & (np.asarray(batch.weights) > 0))
  rows = rows[:: -(-len(rows) // REFERENCE)]
  inputs = batch.inputs[rows]
  if inputs.dtype == jnp.uint8:
    inputs = preprocess(inputs)
  copies = 1
  if recipe.augment is not None:
    copies = max(1, min(views, REFERENCE // len(rows)))
    vary = jax.jit(recipe.augment)
    split = jax.random.split(keys.named(key, 'views'), copies)
    inputs = jnp.concatenate([vary(k, inputs) for k in split])
  _, features = outputs(net, variables, inputs)
  own = np.tile(cells[rows], copies)
  weights = np.tile(np.asarray(batch.weights)[rows], copies)
  return [scores.fit(f, own, weights, num_classes) for f in features]
