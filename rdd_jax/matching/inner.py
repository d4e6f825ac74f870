"""How an objective's network trains between two matchings."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import flax.linen as nn
import jax
from jax import Array
import optax

from rdd_jax import keys, learner
from rdd_jax.augment import Augment, cutmix
from rdd_jax.batch import Batch, take
from rdd_jax.learner import Learner
from rdd_jax.transform import Edit, Places


class Inner(NamedTuple):
  """The recipe of a network that trains inside an objective.

  Attributes:
    optimizer: of the network.
    steps: SGD steps between two matchings.
    batch_size: rows in a step; all of them where there are fewer.
    data: 'synthetic' (DC, DSA) or 'real' (IDC).
    augment: of each image on its own, or None.
    cutmix: the probability that a minibatch is mixed.
  """

  optimizer: optax.GradientTransformation
  steps: int
  batch_size: int
  data: str = 'synthetic'
  augment: Augment | None = None
  cutmix: float = 0.0


def train(
  net: nn.Module,
  inner: Inner,
  start: Learner,
  synthetic: Batch,
  real: Batch,
  num_classes: int,
  *,
  key: Array,
  places: Places,
) -> tuple[Learner, Places]:
  """Trains for `inner.steps`, each minibatch edited by its place's chain."""
  on_real = inner.data == 'real'
  rows = real if on_real else synthetic
  edit = places.training if on_real else places.student
  order = learner.minibatches(
    keys.named(key, 'order'),
    rows.weights.shape[0],
    inner.batch_size,
    inner.steps,
  )

  def step(
    carry: tuple[Learner, Edit], x: tuple[Array, Array]
  ) -> tuple[tuple[Learner, Edit], None]:
    (current, edit), (key, picked) = carry, x
    batch = take(rows, picked)
    if inner.augment:
      inputs = inner.augment(keys.named(key, 'augment'), batch.inputs)
      batch = replace(batch, inputs=inputs)
    if inner.cutmix:
      batch = cutmix(keys.named(key, 'cutmix'), batch, probability=inner.cutmix)
    batch, edit = edit(
      batch,
      key=keys.named(key, 'edit'),
      score=learner.scorer(net, current.variables),
      synthetic=synthetic,
    )
    new = learner.step(net, inner.optimizer, current, batch, num_classes)
    return (new, edit), None

  xs = (jax.random.split(keys.named(key, 'steps'), inner.steps), order)
  (end, edit), _ = jax.lax.scan(step, (start, edit), xs)
  if on_real:
    return end, places._replace(training=edit)
  return end, places._replace(student=edit)
