"""Probes train on a measure, and evaluate every row of the training set."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
from jax import Array
import jax.numpy as jnp

from rdd_jax.core.batch import with_inputs
from rdd_jax.core.feed import (
  Drawn,
  Window,
  draw_steps,
  of_step,
  pixels_of,
  with_pixels,
)
from rdd_jax.core.measure import Measure, rows_of
from rdd_jax.core.sharding import constrain, map_shared
from rdd_jax.core.streamed import Images
from rdd_jax.core.transform import Scores, State
from rdd_jax.images.augment import Augment
from rdd_jax.robust.label_noise.trust import ProbeOutputs
from rdd_jax.training.probe import Probe

CHUNK = 500  # rows scored at once


def draw(
  key: Array,
  images: Images,
  measure: Measure,
  *,
  probes: int,
  steps: int,
  batch_size: int,
) -> Drawn:
  """Draws what the steps of each probe take, by itself, from a measure.

  Args:
    key: split over the probes, for their rows and augmentations.
    images: `u8[N, H, W, C]`.
    measure: over the same `N` rows.
    probes: how many.
    steps: of each probe, at least 1.
    batch_size: rows of a step.

  Returns:
    Keys `[probes, steps]`, and a batch of `[probes, steps, batch_size]` whose
    inputs are row numbers.
  """

  def of_one(key: Array) -> Drawn:
    return draw_steps(key, images, measure, steps, batch_size)

  return jax.lax.map(of_one, jax.random.split(key, probes))


def train(
  probe: Probe,
  preprocess: Callable[[Array], Array],
  augment: Augment | None,
  drawn: Drawn,
  images: Images | Window,
  state: State,
  first: Array | int,
  last: Array | int,
) -> State:
  """Trains each probe for some steps, on its own rows.

  Args:
    probe: the kind of network, and how it trains.
    preprocess: from uint8 images to network inputs.
    augment: of network inputs, or None.
    drawn: from `draw`.
    images: `u8[N, H, W, C]`, or a window of a stream, see `core.feed`.
    state: of the probes, stacked along the first axis of each leaf.
    first: of the steps, the first that is taken,
    last: and the one before which it ends. So many that are not constants are
      not compiled for.

  Returns:
    The new states, stacked as before.
  """

  def step(x: tuple[Drawn, Any], t: Array, state: State) -> State:
    drawn, pixels = x
    key, rows = jax.tree.map(lambda leaf: leaf[t], drawn)
    inputs = preprocess(of_step(with_pixels(images, pixels), rows.inputs, t))
    if augment:
      inputs = augment(key, inputs)
    return probe.advance(constrain(with_inputs(rows, inputs)), state)

  def train_one(x: tuple[tuple[Drawn, Any], State]) -> State:
    return jax.lax.fori_loop(first, last, partial(step, x[0]), x[1])

  return jax.lax.map(train_one, ((drawn, pixels_of(images)), state))


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
  """Returns the probes' joint outputs for every row, with a measure's targets.

  Probabilities are means over probes and views; a row agrees when the probes'
  mean does in every view. Features are means over views, of one probe after
  the other.

  Args:
    probe: the kind of network, and how it scores.
    preprocess: from uint8 images to network inputs.
    num_classes: the number of classes; a reject output counts for nothing.
    state: of `p` probes, stacked along the first axis of each leaf.
    key: of the views.
    images: `u8[N, H, W, C]`.
    measure: over the same `N` rows; its cells are the labels in doubt.
    views: augmented views of each row; 0 takes the rows as they are.
    view: the augmentation of network inputs that makes them, or None.

  Returns:
    The outputs for all `N` rows; features are `f[N, p * d]`.
  """

  def of_chunk(key: Array, rows: Array, *given: Any) -> ProbeOutputs:
    state, images, measure = given
    inputs = preprocess(images[rows])
    seen = inputs[None]
    if views and view:
      seen = jnp.stack([view(k, inputs) for k in jax.random.split(key, views)])
    labels = measure.cells[rows]

    def of_view(inputs: Array) -> tuple[Array, Array]:
      batch = rows_of(measure, rows, inputs)
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

  return map_rows(of_chunk, images.shape[0], state, images, measure, key=key)


def score_all(
  probe: Probe,
  preprocess: Callable[[Array], Array],
  state: State,
  images: Array,
  measure: Measure,
) -> Scores:
  """Scores every row by one probe, in the order of the data set.

  Args:
    probe: the kind of network, and how it scores.
    preprocess: from uint8 images to network inputs.
    state: of the probe.
    images: `u8[N, H, W, C]`.
    measure: over the same `N` rows.

  Returns:
    Losses `f[N]`, features `f[N, d]` and logits `f[N, o]`.
  """

  def of_chunk(rows: Array, *given: Any) -> Scores:
    state, images, measure = given
    batch = rows_of(measure, rows, preprocess(images[rows]))
    return probe.score(state)(batch)

  return map_rows(of_chunk, images.shape[0], state, images, measure)


def map_rows(
  fn: Callable[..., Any], n: int, *given: Any, key: Array | None = None
) -> Any:
  """Maps a traced function over the rows of a data set, a chunk at a time.

  Chunks are dealt out to the devices of a mesh that is set; their results are
  those of one device, bit for bit. `core.chunks.in_shares` is its like for
  loops on the host.

  Args:
    fn: from `i[CHUNK]` row numbers, after the key of the chunk where there is
      one, and `given`, to a tree of `[CHUNK, ...]`; holds no traced arrays.
    n: the number of rows; the last chunk repeats the last one.
    *given: trees of arrays.
    key: split over the chunks.

  Returns:
    The tree that `fn` returns, of `[n, ...]`.

  >>> map_rows(lambda rows: 2 * rows, 3).tolist()
  [0, 2, 4]
  """
  count = -(-n // CHUNK)
  rows = jnp.minimum(jnp.arange(count * CHUNK), n - 1).reshape(count, CHUNK)
  xs = (rows,) if key is None else (jax.random.split(key, count), rows)
  chunks = map_shared(lambda x, *given: fn(*x, *given), xs, *given)
  return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:])[:n], chunks)


def _log_mean(logs: Array) -> Array:
  """The logarithm of the mean, over the first axis, of what these are of."""
  return jax.nn.logsumexp(logs, 0) - jnp.log(logs.shape[0])
