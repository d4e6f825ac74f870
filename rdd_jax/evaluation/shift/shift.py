"""Accuracy under shift: clusters, corruptions and attacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import flax.linen as nn
from jax import Array
import numpy as np

from rdd_jax.evaluation import metrics
from rdd_jax.evaluation.metrics import Row
from rdd_jax.evaluation.shift import clusters as grouping
from rdd_jax.evaluation.shift.attacks import Attack, attacked
from rdd_jax.evaluation.shift.clusters import Grouping
from rdd_jax.images.preprocessing import Preprocessing
from rdd_jax.networks import Variables
from rdd_jax.training.predict import predict


class Shifted(NamedTuple):
  """Test rows again, each of them shifted.

  Attributes:
    images: `u8[n, H, W, C]`.
    labels: `i[n]`.
    kind: of the shift; all severities of a kind are averaged.
    severity: from 1 to 5; 0 where a kind has none, and then it is reported by
      itself.
  """

  images: np.ndarray
  labels: np.ndarray
  kind: str
  severity: int = 0


class Shift(NamedTuple):
  """What networks are evaluated on besides the test rows as they are.

  Attributes:
    clusters: groupings of all test rows, by the prefix of their metrics.
    deciles: all test rows by density.
    sets: shifted ones.
    attacks: on `images`.
    images: `u8[m, H, W, C]`, the test rows that are attacked.
    labels: `i[m]`.
    key: of random starts.
  """

  clusters: Mapping[str, Grouping]
  deciles: Grouping | None
  sets: tuple[Shifted, ...]
  attacks: tuple[Attack, ...]
  images: np.ndarray
  labels: np.ndarray
  key: Array


def measure(
  net: nn.Module,
  variables: Variables,
  shift: Shift,
  logits: np.ndarray,
  labels: np.ndarray,
  *,
  num_classes: int,
  preprocess: Preprocessing,
) -> Row:
  """Measures trained networks under shift, one value for each network.

  Args:
    net: the network.
    variables: of `s` networks, stacked.
    shift: what they are evaluated on.
    logits: `f[s, n, o]`, on all test rows as they are.
    labels: `i[n]`.
    num_classes: the number of classes; a reject class is left out.
    preprocess: from uint8 images to what the network takes.

  Returns:
    What `clusters.measure` returns; the accuracy on each set without severities
    by the name of its kind, such as `noise`; of the others `corrupted`, the
    mean over kinds of the mean over severities, `corrupted_KIND`, and
    `severity_1` to `severity_5`, means over kinds; and the accuracy on attacked
    rows by the name of the attack, such as `pgd_2`.
  """
  values = [
    grouping.measure(
      one[:, :num_classes], labels, shift.clusters, shift.deciles
    )
    for one in logits
  ]
  right: dict[tuple[str, int], list[float]] = {}
  for s in shift.sets:
    shown = predict(net, variables, s.images, preprocess)[..., :num_classes]
    right[s.kind, s.severity] = [metrics.accuracy(z, s.labels) for z in shown]
  for i, row in enumerate(values):
    row.update(_means({k: found[i] for k, found in right.items()}))
  for attack in shift.attacks:
    shown = attacked(
      net,
      variables,
      shift.images,
      shift.labels,
      attack,
      num_classes=num_classes,
      preprocess=preprocess,
      key=shift.key,
    )
    for row, z in zip(values, shown, strict=True):
      row[attack.name] = metrics.accuracy(z, shift.labels)
  return {m: metrics.summary([v[m] for v in values]) for m in values[0]}


def _means(right: Mapping[tuple[str, int], float]) -> dict[str, float]:
  """Of accuracies by kind and severity."""
  out = {kind: value for (kind, level), value in right.items() if not level}
  graded = {pair: value for pair, value in right.items() if pair[1]}
  if not graded:
    return out
  kinds = dict.fromkeys(kind for kind, _ in graded)
  levels = sorted({level for _, level in graded})
  by_kind = {
    k: float(np.mean([v for (kind, _), v in graded.items() if kind == k]))
    for k in kinds
  }
  out['corrupted'] = float(np.mean(list(by_kind.values())))
  out |= {f'corrupted_{k}': value for k, value in by_kind.items()}
  for s in levels:
    found = [v for (_, level), v in graded.items() if level == s]
    out[f'severity_{s}'] = float(np.mean(found))
  return out
