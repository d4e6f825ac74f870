"""A network kept training on the real batch: what transforms may consult."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, cast

import flax.linen as nn
from jax import Array
import jax.numpy as jnp
import optax

from rdd_jax.core.batch import Batch
from rdd_jax.core.transform import ScoreFn, State
from rdd_jax.networks import Variables
from rdd_jax.training import sgd
from rdd_jax.training.sgd import Learner


class Probe(NamedTuple):
  """Scores rows by a network in training: three pure functions.

  Attributes:
    init: `(key) -> state`.
    score: `(state) -> ScoreFn`, by averaged weights.
    advance: `(batch, state) -> state`, one training step.
  """

  init: Callable[[Array], State]
  score: Callable[[State], ScoreFn]
  advance: Callable[[Batch, State], State]


class ProbeState(NamedTuple):
  """Holds the learner, and the moving average of its variables."""

  learner: Learner
  average: Variables
  count: Array  # i[]: steps taken


def probe(
  net: nn.Module,
  tx: optax.GradientTransformation,
  input_shape: tuple[int, ...],
  num_classes: int,
  *,
  decay: float = 0.995,
) -> Probe:
  """Makes a probe that scores by a moving average of its weights.

  The raw weights of a network in training swing by many points of accuracy from
  one epoch to the next; averaged ones do not.

  Args:
    net: the network.
    tx: its optimizer.
    input_shape: `(height, width, channels)`.
    num_classes: cells below it are in-distribution.
    decay: of the average, per step, reached gradually from 0.1; 0 scores by
      the raw weights.
  """

  def init(key: Array) -> State:
    fresh = sgd.init(net, tx, key, input_shape)
    return ProbeState(fresh, fresh.variables, jnp.zeros([], jnp.int32))

  def score(state: State) -> ScoreFn:
    return sgd.scorer(net, state.average)

  def advance(batch: Batch, state: State) -> State:
    new = sgd.step(net, tx, state.learner, batch, num_classes)
    count = state.count + 1
    # Faster at first, so that the random start is soon forgotten.
    kept = jnp.minimum(decay, count / (count + 9))
    # The share of the first argument is the last one: here the kept one.
    average = optax.incremental_update(state.average, new.variables, kept)
    return ProbeState(new, cast(Variables, average), count)

  return Probe(init, score, advance)


def no_probe() -> Probe:
  """Makes the probe of chains that score nothing; it refuses to score."""

  def refuse(batch: Batch) -> None:
    del batch
    raise ValueError(
      'a transform asked for scores, but the distiller has no probe; '
      'give it probe=probe(net, optimizer, input_shape, num_classes), or, in a '
      'configuration, the link that asks scores=True'
    )

  return Probe(
    init=lambda key: (),
    score=lambda state: refuse,  # pyright: ignore[reportArgumentType]
    advance=lambda batch, state: state,
  )
