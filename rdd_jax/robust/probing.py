"""Probes train on a measure, and say what they think of every row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import jax
from jax import Array
import jax.numpy as jnp

from rdd_jax.core import keys
from rdd_jax.core.batch import Batch
from rdd_jax.core.measure import Measure, draw_minibatches, rows_of
from rdd_jax.core.sharding import constrain
from rdd_jax.core.transform import Scores, State
from rdd_jax.images.augment import Augment
from rdd_jax.robust.label_noise.trust import ProbeOutputs
from rdd_jax.training.probe import Probe

CHUNK = 500  # rows scored at once


def train(
  probe: Probe,
  preprocess: Callable[[Array], Array],
  state: State,
  key: Array,
  images: Array,
  measure: Measure,
  *,
  steps: int,
  batch_size: int,
  augment: Augment | None,
) -> State:
  """So many steps of each probe, on its own rows drawn from the measure."""

  def step(state: State, x: tuple[Array, Batch]) -> tuple[State, None]:
    key, rows = x
    inputs = preprocess(images[rows.inputs])
    if augment:
      inputs = augment(key, inputs)
    return probe.advance(constrain(replace(rows, inputs=inputs)), state), None

  def train_one(x: tuple[State, Array]) -> State:
    state, key = x
    draw_key = keys.named(key, 'draw')
    batches = draw_minibatches(draw_key, measure, steps, batch_size)
    xs = (jax.random.split(keys.named(key, 'steps'), steps), batches)
    return jax.lax.scan(step, state, xs)[0]

  probes = len(jax.tree.leaves(state)[0])
  return jax.lax.map(train_one, (state, jax.random.split(key, probes)))


def ask(
  probe: Probe,
  preprocess: Callable[[Array], Array],
  num_classes: int,
  state: State,
  key: Array,
  images: Array,
  measure: Measure,
  *,
  views: int,
  view: Augment | None,
) -> ProbeOutputs:
  """What the probes together say of every row, with the targets of a measure.

  Probabilities are means over probes and views; a row agrees when the probes'
  mean does in every view. Features are means over views, of one probe after
  the other.
  """
  n = images.shape[0]
  count = -(-n // CHUNK)
  rows = jnp.minimum(jnp.arange(count * CHUNK), n - 1).reshape(count, CHUNK)

  def of_chunk(x: tuple[Array, Array]) -> ProbeOutputs:
    key, rows = x
    inputs = preprocess(images[rows])
    seen = inputs[None]
    if views and view:
      seen = jnp.stack([view(k, inputs) for k in jax.random.split(key, views)])
    labels = measure.cells[rows]

    def of_view(inputs: Array) -> tuple[Array, Array]:
      batch = constrain(rows_of(measure, rows, inputs))
      scores = jax.lax.map(lambda one: probe.score(one)(batch), state)
      # A reject output is not a class that a row may prefer.
      chances = jax.nn.log_softmax(scores.logits[:, :, :num_classes])
      return _log_mean(chances), scores.features

    chances, features = jax.lax.map(of_view, seen)
    mean = _log_mean(chances)
    return ProbeOutputs(
      losses=-jnp.take_along_axis(mean, labels[:, None], 1)[:, 0],
      best=-mean.max(1),
      agrees=(chances.argmax(2) == labels[None]).all(0),
      confidence=jnp.exp(mean.max(1)),
      preferred=mean.argmax(1),
      features=jnp.concatenate(list(features.mean(0)), 1),
    )

  chunks = jax.lax.map(of_chunk, (jax.random.split(key, count), rows))
  return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:])[:n], chunks)


def score_all(
  probe: Probe,
  preprocess: Callable[[Array], Array],
  state: State,
  images: Array,
  measure: Measure,
) -> Scores:
  """What one probe says of every row, in the order of the data set."""
  n = images.shape[0]
  count = -(-n // CHUNK)
  rows = jnp.minimum(jnp.arange(count * CHUNK), n - 1).reshape(count, CHUNK)

  def of_chunk(rows: Array) -> Scores:
    batch = rows_of(measure, rows, preprocess(images[rows]))
    return probe.score(state)(constrain(batch))

  chunks = jax.lax.map(of_chunk, rows)
  return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:])[:n], chunks)


def _log_mean(logs: Array) -> Array:
  """The logarithm of the mean, over the first axis, of what these are of."""
  return jax.nn.logsumexp(logs, 0) - jnp.log(logs.shape[0])
