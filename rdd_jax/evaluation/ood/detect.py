"""Out-of-distribution detection by the networks of a training set."""

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
from rdd_jax.evaluation import calibration, metrics
from rdd_jax.evaluation.metrics import Row
from rdd_jax.evaluation.ood import guarded, scores
from rdd_jax.evaluation.ood import metrics as detection
from rdd_jax.evaluation.ood.curves import Curves, curves
from rdd_jax.evaluation.ood.odin import odin
from rdd_jax.evaluation.registry import suffix
from rdd_jax.images.preprocessing import Preprocessing
from rdd_jax.networks import Variables
from rdd_jax.training.predict import describe
from rdd_jax.training.recipe import Recipe

# Of which every metric is reported.
PRINCIPAL = ('msp', 'energy', 'combined', 'guarded')
EVERY = ('auroc', 'fpr95_in', 'fpr95_out')  # of every score and set
TRAPEZOIDS = ('aupr_in_trapezoid', 'aupr_out_trapezoid')
VIEWS = 10  # augmented ones of a row, whose features are compared
REFERENCE = 5000  # rows, with their views, whose features are compared


class OODSet(NamedTuple):
  """One out-of-distribution test set.

  Attributes:
    name: of it, as it ends the names of its metrics.
    images: `u8[n, H, W, C]`.
    near: made of, or much like, the data itself; averaged apart.
    seen: its kind was trained on by some arm of the comparison, so that it is
      shown and not averaged.
  """

  name: str
  images: np.ndarray
  near: bool = False
  seen: bool = False


class OODBenchmark(NamedTuple):
  """In-distribution test rows, and the sets that they are to be told from.

  Attributes:
    inside: `u8[n, H, W, C]`, test rows of the data itself.
    labels: `i[n]`, theirs.
    sets: those out of distribution.
    views: augmented views of the training set whose features are compared.
    odin: whether the ODIN score is computed as well.
  """

  inside: np.ndarray
  labels: np.ndarray
  sets: tuple[OODSet, ...]
  views: int = VIEWS
  odin: bool = False


def detect(
  net: nn.Module,
  variables: Variables,
  batch: Batch,
  benchmark: OODBenchmark,
  recipe: Recipe,
  *,
  num_classes: int,
  preprocess: Preprocessing,
  key: Array,
  calibration_rows: np.ndarray | None = None,
  limit: float | None = None,
) -> tuple[Row, Curves]:
  """Measures out-of-distribution detection, one value for each network.

  Args:
    net: the network.
    variables: of `s` networks, stacked.
    batch: what they were trained on.
    benchmark: the rows in and out of distribution.
    recipe: whose augmentation makes the views.
    num_classes: cells of `batch` below it are in-distribution.
    preprocess: from uint8 to network inputs.
    key: of the views.
    calibration_rows: `u8[m, H, W, C]`, real rows that `statistics_limit` is
      fitted on, for the score `guarded`; a metric of the row then.
    limit: instead of these, one that was fitted before.

  Returns:
    A row of `auroc`, `fpr95_in` and `fpr95_out` of the score MSP, means over
    the far sets that count; the same of other scores, `auroc_energy` and so
    on, and of the near sets, `near_auroc`; of each set, `auroc@NAME`; for the
    `PRINCIPAL` scores `aupr_in` and `aupr_out` too, and of each set what
    `openood` tabulates; `auroc_wrong`, how well MSP tells wrong predictions
    from right ones; and `ece_oracle`, see `calibration.scaled_ece`. Scores are
    of logits as they are, whatever temperature confidences have. What is one
    number for all networks, of the score `ensemble` and `statistics_limit`, is
    one value. And the curves of the first network.
  """
  fitted = references(
    net,
    variables,
    batch,
    recipe,
    num_classes=num_classes,
    preprocess=preprocess,
    key=key,
    views=benchmark.views,
  )
  fits: dict[str, float] = {}
  if calibration_rows is not None:
    _, _, found = describe(net, variables, calibration_rows, preprocess)
    limit = _limit(found, fitted)
    fits = {} if limit is None else {'statistics_limit': limit}

  def scored(
    images: np.ndarray,
  ) -> tuple[list[dict[str, np.ndarray]], np.ndarray]:
    found = describe(net, variables, images, preprocess)
    logits = found[0]
    said = map(scores.Outputs, *found)
    found = [
      scores.score_all(own, num_classes, *known, limit)
      for own, known in zip(said, fitted, strict=True)
    ]
    if benchmark.odin:
      extra = odin(net, variables, images, preprocess, num_classes)
      found = [{**s, 'odin': e} for s, e in zip(found, extra, strict=True)]
    return _with_ensemble(found), logits

  inside, logits = scored(benchmark.inside)
  others = {s.name: scored(s.images)[0] for s in benchmark.sets}
  values = []
  for i, own in enumerate(inside):
    apart = {
      (score, name): detection.detect(own[score], theirs[i][score])
      for name, theirs in others.items()
      for score in own
    }
    own_logits = logits[i][:, :num_classes]
    left = calibration.scaled_ece(own_logits, benchmark.labels)
    values.append(
      _row(apart, benchmark.sets)
      | {
        'auroc_wrong': detection.misclassification(
          own_logits, benchmark.labels
        ),
        # Of a network that diverged, it is no number.
        'ece_oracle': float(np.nan_to_num(left, nan=1.0)),
      }
      | fits
    )
  row = {
    m: metrics.summary([v[m] for v in values[: 1 if _is_shared(m) else None]])
    for m in values[0]
  }
  first = {name: theirs[0] for name, theirs in others.items()}
  return row, curves(inside[0], first)


def _limit(
  statistics: np.ndarray,
  fitted: Sequence[tuple[scores.Reference, scores.Typical | None]],
) -> float | None:
  """The limit on the statistics `f[s, m, d]` of real rows, by all networks."""
  far = [
    scores.distances(own, usual.statistics).background
    for own, (_, usual) in zip(statistics, fitted, strict=True)
    if usual is not None
  ]
  return guarded.limit(far) if far else None


def _is_shared(metric: str) -> bool:
  return '_ensemble' in metric.partition('@')[0] or metric == 'statistics_limit'


def _with_ensemble(
  found: list[dict[str, np.ndarray]],
) -> list[dict[str, np.ndarray]]:
  """Adds what all networks that did not diverge say together, if several."""
  if len(found) < 2 or 'combined' not in found[0]:
    return found
  learned = [
    one['combined'] for one in found if np.isfinite(one['combined']).any()
  ]
  if not learned:
    return found
  total = np.sum(learned, axis=0)
  return [{**one, 'ensemble': total} for one in found]


def _row(
  apart: Mapping[tuple[str, str], Mapping[str, float]], sets: Sequence[OODSet]
) -> dict[str, float]:
  """Returns the metrics of each set, and means over far and near ones."""
  row: dict[str, float] = {}
  places = {
    '': [s.name for s in sets if not (s.near or s.seen)],
    'near_': [s.name for s in sets if s.near and not s.seen],
  }
  for score in dict.fromkeys(score for score, _ in apart):
    principal = score in PRINCIPAL
    kept = (*EVERY, 'aupr_in', 'aupr_out') if principal else EVERY
    each = (*EVERY, *TRAPEZOIDS) if principal else EVERY
    for place, names in places.items():
      for metric in kept if names else ():
        row[f'{place}{metric}{suffix(score)}'] = float(
          np.mean([apart[score, name][metric] for name in names])
        )
    for one in sets:
      for metric in each:
        name = f'{metric}{suffix(score)}@{one.name}'
        row[name] = apart[score, one.name][metric]
  return row


def references(
  net: nn.Module,
  variables: Variables,
  batch: Batch,
  recipe: Recipe,
  *,
  num_classes: int,
  preprocess: Preprocessing,
  key: Array,
  views: int = VIEWS,
) -> list[tuple[scores.Reference, scores.Typical | None]]:
  """Fits what features and statistics of each network are compared to.

  Args:
    net: the network.
    variables: of `s` networks, stacked.
    batch: what they were trained on.
    recipe: whose augmentation makes the views.
    num_classes: cells of `batch` below it are in-distribution.
    preprocess: from uint8 to network inputs.
    key: of the views.
    views: of each row, at most.

  Returns:
    What `score_all` takes, for each network.
  """
  cells = np.asarray(batch.cells)
  rows = np.flatnonzero((cells < num_classes) & (np.asarray(batch.weights) > 0))
  rows = rows[:: -(-len(rows) // REFERENCE)]
  inputs = jax.device_put(np.asarray(batch.inputs)[rows])
  if inputs.dtype == jnp.uint8:
    inputs = preprocess(inputs)
  copies = 1
  if recipe.augment is not None:
    copies = max(1, min(views, REFERENCE // len(rows)))
    vary = jax.jit(recipe.augment)
    split = jax.random.split(keys.named(key, 'views'), copies)
    inputs = jnp.concatenate([vary(k, inputs) for k in split])
  found = describe(net, variables, inputs)
  own = np.tile(cells[rows], copies)
  weights = np.tile(np.asarray(batch.weights)[rows], copies)

  def fit(
    said: scores.Outputs,
  ) -> tuple[scores.Reference, scores.Typical | None]:
    reference = scores.fit(said.features, own, weights, num_classes)
    return reference, scores.typical(said, own, weights, num_classes, reference)

  return [fit(said) for said in map(scores.Outputs, *found)]
