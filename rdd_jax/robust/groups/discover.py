"""Groups without annotation, found in the features of an early network.

A network that has just begun to learn has learned what is easiest, and where a
cue goes along with the class, that is the cue. `regroup` trains one for a few
steps and hands what it sees to a finder, once or on a schedule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import jax
from jax import Array
import jax.numpy as jnp
import numpy as np

from rdd_jax.core import keys
from rdd_jax.core.errors import UserError
from rdd_jax.core.feed import fed
from rdd_jax.core.measure import Measure
from rdd_jax.core.streamed import on_host
from rdd_jax.core.transform import (
  DataSpec,
  DataView,
  State,
  Transform,
  from_prepare,
)
from rdd_jax.robust import probing
from rdd_jax.training.probe import Probe


class FinderInputs(NamedTuple):
  """What finders may look at: the rows that count, on the host.

  Attributes:
    images: `u8[n, H, W, C]`.
    labels: `i[n]`, the cells.
    features: `f[n, d]`, of the early network.
    chances: `f[n, k]`, its probabilities of the classes.
  """

  images: np.ndarray
  labels: np.ndarray
  features: np.ndarray
  chances: np.ndarray


class GroupAssignment(NamedTuple):
  """What a finder says of the rows it was shown.

  Attributes:
    groups: `i[n]`; -1 is none.
    factors: `f[n]`, by how much more a row is to be drawn, whatever its group;
      the mass of each class is kept.
    separation: `f[k]`, how clearly each class splits; nan where that is not
      known.
  """

  groups: np.ndarray
  factors: np.ndarray
  separation: np.ndarray


Finder = Callable[[FinderInputs, int, np.random.Generator], GroupAssignment]


class GroupsState(NamedTuple):
  """What was found, of all rows.

  Attributes:
    probe: the early network.
    done: `i[]`, how often it was asked.
    weights: `f[N]`, of the measure before.
    groups: `i[N]`.
    factors: `f[N]`.
    separation: `f[k]`.
  """

  probe: State
  done: Array
  weights: Array
  groups: Array
  factors: Array
  separation: Array


def regroup(
  probe: Probe,
  preprocess: Callable[[Array], Array],
  num_classes: int,
  find: Finder,
  *,
  steps: int = 100,
  batch_size: int = 200,
  again: bool = False,
) -> Transform:
  """Gives rows the groups that a finder sees, or makes them more likely.

  Acts on the measure, before distillation; rows of weight 0 are not looked at.

  Args:
    probe: the early network; scored by the average of its weights.
    preprocess: from uint8 images to network inputs.
    num_classes: the number of classes.
    find: the finder.
    steps: of the network before it is asked, and between two times.
    batch_size: of the network.
    again: every later preparation trains and asks again, from the weights that
      the first one was given; otherwise what was found first stays.

  Raises:
    UserError: when preparing, if the network diverges.

  >>> from rdd_jax.training.probe import no_probe
  >>> t = regroup(no_probe(), lambda images: images / 255, 2, find=None)
  >>> state = t.init(DataSpec(3, 2, 2, 2, 2))
  >>> state.groups.tolist(), state.factors.tolist()
  ([-1, -1, -1], [1.0, 1.0, 1.0])
  """

  def init(spec: DataSpec) -> State:
    n = spec.num_examples
    return GroupsState(
      probe=probe.init(jax.random.key(0)),
      done=jnp.zeros([], jnp.int32),
      weights=jnp.ones(n),
      groups=jnp.full(n, -1, jnp.int32),
      factors=jnp.ones(n),
      separation=jnp.full(num_classes, jnp.nan),
    )

  draw = jax.jit(
    partial(probing.draw, probes=1, steps=steps, batch_size=batch_size)
  )
  train = jax.jit(partial(probing.train, probe, preprocess, None))
  score = jax.jit(partial(probing.score_all, probe, preprocess))

  def look(
    state: GroupsState, key: Array, measure: Measure, data: DataView
  ) -> GroupsState:
    data.tell('groups, an early network', 0, 2)
    one = jax.tree.map(lambda leaf: leaf[None], state.probe)

    drawn = draw(key, data.images, measure)
    advance = fed(data.images, drawn[1].inputs, partial(train, drawn), axis=1)
    made_of = data.images, measure, jax.random.key_data(key)
    new = data.parts('an early network', made_of, lambda: one, advance, steps)
    network = jax.tree.map(lambda leaf: leaf[0], new)
    scores = score(network, data.images, measure)
    rows = np.flatnonzero(np.asarray(measure.weights) > 0)
    chances = jax.nn.softmax(scores.logits[:, :num_classes])
    seen = FinderInputs(
      images=on_host(data.images, rows),
      labels=np.asarray(measure.cells)[rows],
      features=np.asarray(scores.features)[rows],
      chances=np.asarray(chances)[rows],
    )
    if not np.isfinite(seen.features).all():
      raise UserError(
        'the network that groups are found with diverged: lower its '
        'learning_rate, config.transform.groups.learning_rate'
      )
    data.tell('groups, in what it sees', 1, 2)
    rng = keys.generator(keys.named(key, 'find'))
    found = find(seen, num_classes, rng)
    data.tell('groups, in what it sees', 2, 2)
    factors = _keep_mass(found.factors, seen.labels, num_classes)
    return state._replace(
      probe=network,
      done=state.done + 1,
      groups=jnp.full_like(state.groups, -1).at[rows].set(found.groups),
      factors=jnp.ones_like(state.factors).at[rows].set(factors),
      separation=jnp.asarray(found.separation, jnp.float32),
    )

  def prepare(
    measure: Measure, state: State, *, key: Array, data: DataView
  ) -> tuple[Measure, State]:
    first = int(state.done) == 0
    if first:
      state = state._replace(
        probe=probe.init(keys.named(key, 'probe')), weights=measure.weights
      )
    elif not again:
      return measure, state
    base = jnp.where(measure.weights > 0, state.weights, 0.0)
    given = replace(measure, weights=base)
    state = look(state, key, given, data)
    weights = base * state.factors
    return replace(measure, groups=state.groups, weights=weights), state

  return from_prepare(init, prepare)


def _keep_mass(
  factors: np.ndarray, labels: np.ndarray, num_classes: int
) -> np.ndarray:
  """Factors whose mean in each class is one."""
  total = np.bincount(labels, factors, num_classes)
  rows = np.bincount(labels, minlength=num_classes)
  mean = total / np.maximum(rows, 1)
  return factors / np.where(mean > 0, mean, 1.0)[labels]
