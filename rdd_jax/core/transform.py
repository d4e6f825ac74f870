"""Composable edits of data: the optax idiom, one level up.

A `Transform` edits the measure between jitted segments (`prepare`) and the
batch inside the step (`update`). It can stand in three places of a distiller:
before matching (`transform`), in each SGD step of a network that trains on real
data (`training`), and in each SGD step on synthetic rows (`student`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
import functools
from typing import Any, NamedTuple, Protocol

import chex
import jax
from jax import Array

from rdd_jax.core import keys
from rdd_jax.core.batch import Batch
from rdd_jax.core.data_view import DataView as DataView
from rdd_jax.core.data_view import ScoreFn as ScoreFn
from rdd_jax.core.data_view import Scores as Scores
from rdd_jax.core.data_view import Tell as Tell
from rdd_jax.core.data_view import unscored as unscored
from rdd_jax.core.data_view import untold as untold
from rdd_jax.core.measure import Measure

State = Any


class DataSpec(NamedTuple):
  """Holds the sizes that a state may depend on."""

  num_examples: int
  num_classes: int
  num_outputs: int
  num_cells: int
  num_groups: int


class InitFn(Protocol):
  def __call__(self, spec: DataSpec) -> State:
    """Returns the state before the first step."""
    ...


class PrepareFn(Protocol):
  def __call__(
    self, measure: Measure, state: State, *, key: Array, data: DataView
  ) -> tuple[Measure, State]:
    """Edits the measure between segments; host code, shapes unchanged."""
    ...


class UpdateFn(Protocol):
  def __call__(
    self,
    batch: Batch,
    state: State,
    *,
    key: Array,
    score: ScoreFn,
    synthetic: Batch,
  ) -> tuple[Batch, State]:
    """Edits the rows in flight; pure and jitted. Appended rows come last."""
    ...


class Transform(NamedTuple):
  """Edits data by three pure functions, called by name."""

  init: InitFn
  prepare: PrepareFn
  update: UpdateFn


class EmptyState(NamedTuple):
  """The state of a transform that remembers nothing."""


def _leave_measure(
  measure: Measure, state: State, *, key: Array, data: DataView
) -> tuple[Measure, State]:
  del key, data
  return measure, state


def _leave_batch(
  batch: Batch,
  state: State,
  *,
  key: Array,
  score: ScoreFn,
  synthetic: Batch,
) -> tuple[Batch, State]:
  del key, score, synthetic
  return batch, state


def from_update(init: InitFn, update: UpdateFn) -> Transform:
  """Makes a transform that edits batches and leaves the measure alone.

  Args:
    init: `(spec) -> state`.
    update: `(batch, state, *, key, score, synthetic) -> (batch, state)`.

  >>> t = from_update(lambda spec: 0, lambda b, count, **_: (b, count + 1))
  >>> t.update(None, 2, key=None, score=None, synthetic=None)
  (None, 3)
  """
  return Transform(init, _leave_measure, update)


def from_prepare(init: InitFn, prepare: PrepareFn) -> Transform:
  """Makes a transform that edits the measure and leaves batches alone.

  It belongs in the `transform` chain: networks that train see no measure.

  Args:
    init: `(spec) -> state`.
    prepare: `(measure, state, *, key, data) -> (measure, state)`.

  >>> import jax.numpy as jnp
  >>> from rdd_jax.core.measure import empirical
  >>> def halve(measure, state, *, key, data):
  ...   return replace(measure, weights=measure.weights / 2), state
  >>> t = from_prepare(lambda spec: EmptyState(), halve)
  >>> measure = empirical(jnp.array([0, 1]), 2)
  >>> t.prepare(measure, EmptyState(), key=None, data=None)[0].weights.tolist()
  [0.5, 0.5]
  >>> edits_batches(t)
  False
  """
  return Transform(init, prepare, _leave_batch)


def edits_batches(transform: Transform) -> bool:
  """Returns whether a transform edits batches, and not the measure alone."""
  return transform.update is not _leave_batch


def stateless(fn: Callable[..., Batch]) -> Transform:
  """Makes a transform from `fn(batch, *, key, score, synthetic) -> batch`.

  >>> import jax.numpy as jnp
  >>> t = stateless(lambda b, **_: replace(b, weights=b.weights / 2))
  >>> batch = Batch(*jnp.ones((6, 2)))
  >>> edited, _ = t.update(batch, (), key=None, score=None, synthetic=batch)
  >>> edited.weights.tolist()
  [0.5, 0.5]
  """

  def update(
    batch: Batch,
    state: State,
    *,
    key: Array,
    score: ScoreFn,
    synthetic: Batch,
  ) -> tuple[Batch, State]:
    return fn(batch, key=key, score=score, synthetic=synthetic), state

  return from_update(lambda spec: EmptyState(), update)


@functools.cache
def identity() -> Transform:
  """Returns a transform that edits nothing; one object, so jit knows it.

  >>> identity() is identity()
  True
  """
  return from_prepare(lambda spec: EmptyState(), _leave_measure)


def chain(**transforms: Transform) -> Transform:
  """Returns transforms in order, each with its own name, key and state.

  Keys are folded by name, so inserting a transform leaves the randomness of the
  others unchanged.

  >>> list(chain(a=identity(), b=identity()).init(None))
  ['a', 'b']
  """

  def check(state: State) -> None:
    given = list(state) if isinstance(state, dict) else [type(state).__name__]
    # Compared as sets: jit hands dictionaries back with sorted keys.
    if not isinstance(state, dict) or state.keys() != transforms.keys():
      raise ValueError(
        f'chain({", ".join(transforms)}) was given the state of '
        f"chain({', '.join(given)}); make the state with this chain's init"
      )

  def init(spec: DataSpec) -> State:
    return {name: t.init(spec) for name, t in transforms.items()}

  def prepare(
    measure: Measure, state: State, *, key: Array, data: DataView
  ) -> tuple[Measure, State]:
    check(state)
    new = {}
    for name, t in transforms.items():
      measure, new[name] = t.prepare(
        measure, state[name], key=keys.named(key, name), data=data
      )
    return measure, new

  def update(
    batch: Batch,
    state: State,
    *,
    key: Array,
    score: ScoreFn,
    synthetic: Batch,
  ) -> tuple[Batch, State]:
    check(state)
    new = {}
    for name, t in transforms.items():
      with jax.named_scope(name):
        batch, new[name] = t.update(
          batch,
          state[name],
          key=keys.named(key, name),
          score=score,
          synthetic=synthetic,
        )
      chex.assert_equal_shape_prefix(
        jax.tree.leaves(batch),
        1,
        custom_message=f'rows as transform {name!r} returned them',
      )
    return batch, new

  if not any(map(edits_batches, transforms.values())):
    return from_prepare(init, prepare)
  return Transform(init, prepare, update)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class BoundTransform:
  """Binds a transform to its state: `batch, edit = edit(batch, key=...)`.

  A pytree whose only leaves are the state, so a training loop may carry it.
  """

  state: State
  transform: Transform = field(metadata={'static': True})

  def __call__(
    self, batch: Batch, *, key: Array, score: ScoreFn, synthetic: Batch
  ) -> tuple[Batch, BoundTransform]:
    batch, state = self.transform.update(
      batch, self.state, key=key, score=score, synthetic=synthetic
    )
    return batch, replace(self, state=state)


class Chains(NamedTuple):
  """Holds the chains inside SGD, on real images and on synthetic ones."""

  training: BoundTransform
  student: BoundTransform
