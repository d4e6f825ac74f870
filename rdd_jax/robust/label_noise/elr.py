"""Clean once, then distill: the two-stage baseline of trust inside the loop.

Liu et al., Early-Learning Regularization Prevents Memorization of Noisy Labels,
NeurIPS 2020, eq. 6 and 9 (ELR): a network trains on all rows while a penalty
holds its predictions to their own running average. That average then says the
label of every row.

Deviations:
  No weight averaging and no mixup (those are ELR+). Lengths of training are the
  caller's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import flax.linen as nn
import jax
from jax import Array
import jax.numpy as jnp
import optax

from rdd_jax import networks
from rdd_jax.core import keys
from rdd_jax.core.batch import Batch, with_inputs
from rdd_jax.core.feed import Window, fed, of_step
from rdd_jax.core.losses import cross_entropy
from rdd_jax.core.measure import Measure, draw_minibatches
from rdd_jax.core.onehot import OneHot
from rdd_jax.core.streamed import Images
from rdd_jax.core.transform import (
  DataSpec,
  DataView,
  State,
  Transform,
  from_prepare,
)
from rdd_jax.networks import Variables
from rdd_jax.training import sgd
from rdd_jax.training.sgd import Learner


class CleanedState(NamedTuple):
  """Whether labels have been cleaned, `i[]`, and to what, `i[N]`."""

  done: Array
  labels: Array


def clean_first(
  net: nn.Module,
  tx: optax.GradientTransformation,
  input_shape: tuple[int, ...],
  preprocess: Callable[[Array], Array],
  num_classes: int,
  *,
  steps: int = 3000,
  batch_size: int = 64,
  strength: float = 3.0,
  memory: float = 0.7,
) -> Transform:
  """Gives every row the label of ELR's running predictions, once.

  `L = CE + lambda mean(log(1 - <p, t>))` with predictions `p` and their running
  average `t <- beta t + (1 - beta) p`; the label is the class of the largest
  `t`.

  Args:
    net: the network that is trained for it.
    tx: its optimizer.
    input_shape: `(height, width, channels)`.
    preprocess: from uint8 images to network inputs.
    num_classes: the number of classes.
    steps: of training.
    batch_size: rows of a step.
    strength: of the penalty, lambda; 3 for CIFAR-10, 7 for CIFAR-100.
    memory: of the running predictions, beta.

  Source: Liu et al., NeurIPS 2020, eq. 6 and 9.

  >>> net = networks.build('mlp', 2, width=4, depth=1)
  >>> t = clean_first(
  ...   net, optax.sgd(0.1), (2, 2, 1), lambda images: images / 255, 2
  ... )
  >>> t.init(DataSpec(3, 2, 2, 2, 0)).labels.shape
  (3,)
  """

  def init(spec: DataSpec) -> State:
    labels = jnp.zeros(spec.num_examples, jnp.int32)
    return CleanedState(jnp.zeros([], jnp.int32), labels)

  def loss(
    params: Variables, variables: Variables, rows: Batch, targets: Array
  ) -> tuple[Array, tuple[Array, Variables]]:
    outputs, new = networks.apply_training(
      net, {**variables, 'params': params}, rows.inputs
    )
    logits = outputs.logits[:, :num_classes]
    chances = jnp.clip(jax.nn.softmax(logits), 1e-4, 1 - 1e-4)
    still = jax.lax.stop_gradient(chances)
    still /= still.sum(1, keepdims=True)
    running = memory * targets + (1 - memory) * still
    penalty = jnp.log(1 - (running * chances).sum(1))
    losses = cross_entropy(outputs.logits, rows, num_classes)
    return (losses + strength * penalty).mean(), (running, new['batch_stats'])

  @jax.jit
  def start(key: Array, images: Array) -> tuple[Learner, Array]:
    fresh = sgd.init(net, tx, keys.named(key, 'init'), input_shape)
    return fresh, jnp.zeros((images.shape[0], num_classes))

  @jax.jit
  def draw(key: Array, images: Images, measure: Measure) -> Batch:
    own = keys.named(key, 'draw')
    return draw_minibatches(own, images, measure, steps, batch_size)

  @jax.jit
  def train(
    batches: Batch,
    images: Images | Window,
    state: tuple[Learner, Array],
    first: Array | int,
    last: Array | int,
  ) -> tuple[Learner, Array]:
    def step(i: Array, state: tuple[Learner, Array]) -> tuple[Learner, Array]:
      current, running = state
      rows = jax.tree.map(lambda x: x[i], batches)
      rows = with_inputs(rows, preprocess(of_step(images, rows.inputs, i)))
      grads, (targets, stats) = jax.grad(loss, has_aux=True)(
        current.variables['params'],
        current.variables,
        rows,
        running[rows.index],
      )
      new = sgd.update(tx, current, grads, stats)
      return new, running.at[rows.index].set(targets, mode='drop')

    return jax.lax.fori_loop(first, last, step, state)

  def prepare(
    measure: Measure, state: State, *, key: Array, data: DataView
  ) -> tuple[Measure, State]:
    if not int(state.done):
      batches = draw(key, data.images, measure)
      _, running = data.parts(
        'ELR',
        (data.images, measure, jax.random.key_data(key)),
        partial(start, key, data.images),
        fed(data.images, batches.inputs, partial(train, batches)),
        steps,
      )
      # Of a row that was never drawn, the label stays as given.
      seen = running.sum(1) > 0
      labels = jnp.where(seen, running.argmax(1), measure.cells)
      labels = labels.astype(jnp.int32)
      state = CleanedState(jnp.ones([], jnp.int32), labels)
    targets = OneHot(state.labels, measure.targets.shape[1])
    return replace(measure, targets=targets, cells=state.labels), state

  return from_prepare(init, prepare)
