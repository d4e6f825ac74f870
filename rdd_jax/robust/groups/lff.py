"""Rows that a biased network finds hard, and another does not.

Nam et al., Learning from Failure: Training Debiased Classifier from Biased
Classifier, NeurIPS 2020, algorithm 1: one network is driven to what is easy by
the generalized cross-entropy, the other trains on rows weighted by their
relative difficulty, `W = CE_B / (CE_B + CE_D)`. Distillation draws by `W`.

Deviations:
  Losses are not averaged over time, nor divided by the largest of their class,
  while the networks train. The mass of each class is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
from jax import Array
import jax.numpy as jnp
import optax

from rdd_jax.core import keys
from rdd_jax.core.batch import Batch, group_mean, with_inputs
from rdd_jax.core.errors import UserError
from rdd_jax.core.feed import Window, fed, of_step
from rdd_jax.core.losses import cross_entropy
from rdd_jax.core.measure import Measure, draw_minibatches, rows_of
from rdd_jax.core.numerics import safe_divide
from rdd_jax.core.streamed import Images
from rdd_jax.core.transform import (
  DataSpec,
  DataView,
  State,
  Transform,
  from_prepare,
)
from rdd_jax.robust.probing import map_rows
from rdd_jax.training import sgd
from rdd_jax.training.sgd import Learner


class DifficultyState(NamedTuple):
  """Whether networks have been trained, `i[]`, and what came of it, `f[N]`."""

  done: Array
  factors: Array


def generalized_cross_entropy(q: float) -> Callable[[Array, Batch, int], Array]:
  """Returns the loss `(1 - p^q) / q`, `p` the probability of the target.

  Its gradient is that of cross-entropy, times `p^q`: what is easy counts more.

  Args:
    q: in (0, 1]; the limit 0 is cross-entropy.

  Returns:
    `(logits f[n, o], batch, num_classes) -> f[n]`.

  Source: Zhang and Sabuncu, NeurIPS 2018.
  """

  def losses(logits: Array, batch: Batch, num_classes: int) -> Array:
    p = jnp.exp(-cross_entropy(logits, batch, num_classes))
    return (1 - p**q) / q

  return losses


def relative_difficulty(
  net: nn.Module,
  tx: optax.GradientTransformation,
  input_shape: tuple[int, ...],
  preprocess: Callable[[Array], Array],
  num_classes: int,
  *,
  steps: int = 400,
  batch_size: int = 200,
  amplification: float = 0.7,
) -> Transform:
  """Draws rows by their relative difficulty, found once, before distillation.

  `W = CE_B / (CE_B + CE_D)`, the losses of the biased and the other network.

  Args:
    net: of both networks.
    tx: their optimizer.
    input_shape: `(height, width, channels)`.
    preprocess: from uint8 images to network inputs.
    num_classes: the number of classes.
    steps: of both.
    batch_size: of both.
    amplification: `q`, how strongly the biased one is driven to what is easy.

  Raises:
    UserError: when preparing, if a network diverges.

  Source: Nam et al., NeurIPS 2020, algorithm 1.

  >>> from rdd_jax import networks
  >>> net = networks.build('mlp', 2, width=4, depth=1)
  >>> t = relative_difficulty(
  ...   net, optax.sgd(0.1), (2, 2, 1), lambda images: images / 255, 2
  ... )
  >>> t.init(DataSpec(3, 2, 2, 2, 0)).factors.tolist()
  [1.0, 1.0, 1.0]
  """
  biased = generalized_cross_entropy(amplification)

  def init(spec: DataSpec) -> State:
    return DifficultyState(
      jnp.zeros([], jnp.int32), jnp.ones(spec.num_examples)
    )

  def difficulty(pair: tuple[Learner, Learner], batch: Batch) -> Array:
    easy, hard = (sgd.scorer(net, one.variables)(batch).losses for one in pair)
    return easy / jnp.maximum(easy + hard, 1e-8)

  @jax.jit
  def start(key: Array) -> tuple[Learner, Learner]:
    def fresh(name: str) -> Learner:
      return sgd.init(net, tx, keys.named(key, name), input_shape)

    return fresh('biased'), fresh('other')

  @jax.jit
  def draw(key: Array, images: Images, measure: Measure) -> Batch:
    own = keys.named(key, 'draw')
    return draw_minibatches(own, images, measure, steps, batch_size)

  @jax.jit
  def train(
    batches: Batch,
    images: Images | Window,
    pair: tuple[Learner, Learner],
    first: Array | int,
    last: Array | int,
  ) -> tuple[Learner, Learner]:
    def step(
      i: Array, pair: tuple[Learner, Learner]
    ) -> tuple[Learner, Learner]:
      rows = jax.tree.map(lambda x: x[i], batches)
      batch = with_inputs(rows, preprocess(of_step(images, rows.inputs, i)))
      weighted = replace(batch, weights=batch.weights * difficulty(pair, batch))
      b = sgd.step(net, tx, pair[0], batch, num_classes, losses=biased)
      return b, sgd.step(net, tx, pair[1], weighted, num_classes)

    return jax.lax.fori_loop(first, last, step, pair)

  @jax.jit
  def found(
    pair: tuple[Learner, Learner], images: Array, measure: Measure
  ) -> Array:
    def of_chunk(rows: Array, *given: Any) -> Array:
      pair, images, measure = given
      return difficulty(pair, rows_of(measure, rows, preprocess(images[rows])))

    w = map_rows(of_chunk, images.shape[0], pair, images, measure)
    mean, _ = group_mean(w, measure.weights, measure.cells, num_classes)
    return safe_divide(w, mean[measure.cells])

  def prepare(
    measure: Measure, state: State, *, key: Array, data: DataView
  ) -> tuple[Measure, State]:
    if int(state.done):
      return measure, state
    data.tell('two networks, which rows are difficult', 0, 1)
    batches = draw(key, data.images, measure)
    pair = data.parts(
      'two networks, which rows are difficult',
      (data.images, measure, jax.random.key_data(key)),
      partial(start, key),
      fed(data.images, batches.inputs, partial(train, batches)),
      steps,
    )
    factors = found(pair, data.images, measure)
    data.tell('two networks, which rows are difficult', 1, 1)
    if not bool(jnp.isfinite(factors).all()):
      raise UserError(
        'a network of relative_difficulty diverged: lower its learning_rate, '
        'config.transform.groups.learning_rate'
      )
    weights = measure.weights * factors
    return replace(measure, weights=weights), DifficultyState(
      jnp.ones([], jnp.int32), factors
    )

  return from_prepare(init, prepare)
