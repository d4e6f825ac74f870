"""A probe trains on a measure, and says what it thinks of every row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import jax
from jax import Array
import jax.numpy as jnp

from rdd_jax import keys
from rdd_jax.augment import Augment
from rdd_jax.batch import Batch
from rdd_jax.measure import Measure, draw_minibatches
from rdd_jax.ops import constrain
from rdd_jax.probe import Probe
from rdd_jax.robust.trust import Opinion
from rdd_jax.transform import State

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
  """So many steps of the probe on rows drawn from the measure."""
  batches = draw_minibatches(
    keys.named(key, 'draw'), measure, steps, batch_size
  )

  def step(state: State, x: tuple[Array, Batch]) -> tuple[State, None]:
    key, rows = x
    inputs = preprocess(images[rows.inputs])
    if augment:
      inputs = augment(key, inputs)
    return probe.advance(constrain(replace(rows, inputs=inputs)), state), None

  xs = (jax.random.split(keys.named(key, 'steps'), steps), batches)
  return jax.lax.scan(step, state, xs)[0]


def ask(
  probe: Probe,
  preprocess: Callable[[Array], Array],
  num_classes: int,
  state: State,
  key: Array,
  images: Array,
  measure: Measure,
  *,
  augment: Augment | None,
  views: int,
) -> Opinion:
  """What the probe says of every row, with the targets of a measure."""
  n = images.shape[0]
  count = -(-n // CHUNK)
  rows = jnp.minimum(jnp.arange(count * CHUNK), n - 1).reshape(count, CHUNK)
  score = probe.score(state)

  def of_chunk(x: tuple[Array, Array]) -> Opinion:
    key, rows = x
    inputs = preprocess(images[rows])
    seen = [inputs]
    if views and augment:
      seen = [augment(k, inputs) for k in jax.random.split(key, views)]
    labels = measure.cells[rows]
    found = [
      score(
        constrain(
          Batch(
            inputs=view,
            targets=measure.targets[rows],
            weights=measure.weights[rows],
            cells=labels,
            groups=measure.groups[rows],
            index=rows,
          )
        )
      )
      for view in seen
    ]
    # A reject output is not a class that a row may prefer.
    logits = jnp.stack([scores.logits[:, :num_classes] for scores in found])
    chances = jax.nn.log_softmax(logits)
    mean = jax.nn.logsumexp(chances, 0) - jnp.log(len(seen))
    return Opinion(
      losses=-jnp.take_along_axis(mean, labels[:, None], 1)[:, 0],
      best=-mean.max(1),
      agrees=(chances.argmax(2) == labels[None]).all(0),
      confidence=jnp.exp(mean.max(1)),
      preferred=mean.argmax(1),
      features=jnp.mean(jnp.stack([scores.features for scores in found]), 0),
    )

  chunks = jax.lax.map(of_chunk, (jax.random.split(key, count), rows))
  return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:])[:n], chunks)
