"""How an objective's network trains between two matchings."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import flax.linen as nn
import jax
from jax import Array
import optax

from rdd_jax.core import keys
from rdd_jax.core.batch import Batch, Look, take
from rdd_jax.core.losses import RowLosses, cross_entropy
from rdd_jax.core.transform import BoundTransform
from rdd_jax.core.unroll import Adjoint, backprop, unroll
from rdd_jax.images.augment import Augment
from rdd_jax.images.cutmix import cutmix
from rdd_jax.training import sgd
from rdd_jax.training.sgd import Learner


class Inner(NamedTuple):
  """Describes how a network trains inside an objective.

  Attributes:
    optimizer: of the network.
    steps: SGD steps between two matchings.
    batch_size: rows in a step; all of them where there are fewer.
    data: 'synthetic' (DC, DSA) or 'real' (IDC).
    augment: of each image on its own, or None.
    cutmix: the probability that a minibatch is mixed.
    losses: what it makes small.
  """

  optimizer: optax.GradientTransformation
  steps: int
  batch_size: int
  data: str = 'synthetic'
  augment: Augment | None = None
  cutmix: float = 0.0
  losses: RowLosses = cross_entropy


def train(
  net: nn.Module,
  inner: Inner,
  start: Learner,
  rows: Batch,
  num_classes: int,
  *,
  key: Array,
  edit: BoundTransform,
  synthetic: Batch,
  step_size: Array | float = 1.0,
  adjoint: Adjoint | None = None,
  look: Look = Look(),
) -> tuple[Learner, BoundTransform]:
  """Trains for `inner.steps`, each minibatch edited by a chain.

  Args:
    net: the network.
    inner: how it trains.
    start: before the first step.
    rows: what it trains on.
    num_classes: cells below it are in-distribution.
    key: of the order, the augmentation and the chain.
    edit: acts on each minibatch, scored by the network as it is.
    synthetic: what the chain is shown.
    step_size: times each step of the optimizer.
    adjoint: how the training is differentiated; see `rdd_jax.core.unroll`.
    look: from the rows of a minibatch to the same with their inputs.

  Returns:
    The network after the last step, and the chain's new state.
  """
  order = sgd.minibatches(
    keys.named(key, 'order'),
    rows.weights.shape[0],
    inner.batch_size,
    inner.steps,
  )

  def step(
    state: tuple[Learner, BoundTransform], x: tuple[Array, Array]
  ) -> tuple[Learner, BoundTransform]:
    (current, edit), (key, picked) = state, x
    batch = look(take(rows, picked))
    if inner.augment:
      inputs = inner.augment(keys.named(key, 'augment'), batch.inputs)
      batch = replace(batch, inputs=inputs)
    if inner.cutmix:
      batch = cutmix(keys.named(key, 'cutmix'), batch, probability=inner.cutmix)
    batch, edit = edit(
      batch,
      key=keys.named(key, 'edit'),
      score=sgd.scorer(net, current.variables),
      synthetic=synthetic,
    )
    new = sgd.step(
      net,
      inner.optimizer,
      current,
      batch,
      num_classes,
      step_size,
      inner.losses,
    )
    return new, edit

  xs = (jax.random.split(keys.named(key, 'steps'), inner.steps), order)
  return unroll(step, (start, edit), xs, adjoint=adjoint or backprop())
