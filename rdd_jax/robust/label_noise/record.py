"""What a defense that divides the rows remembers of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import jax
from jax import Array
import jax.numpy as jnp
import numpy as np

from rdd_jax.core.measure import Measure
from rdd_jax.core.onehot import OneHot
from rdd_jax.core.transform import (
  DataView,
  State,
  Transform,
  from_prepare,
)

LEFT_OUT = -1  # the label of a row that does not count


class DivertState(NamedTuple):
  """What is remembered of every row.

  Attributes:
    probe: the networks that are asked, stacked; () where none is.
    weights: `f[N]`, before any row was left out.
    round: `i[]`, divisions so far.
    losses: `f[N]`, at the last division; high is doubtful.
    labels: `i[R, N]`, after each division: of trusted rows as given, of
      relabeled rows as proposed, -1 of those left out.
    trusted: `b[R, N]`.
    mass: `f[R, N]`, by which rows count.
    proposed: `i[N]`, at the last division, of all rows.
    expected: `f[2]`, shares of wrong labels as given and as handed on, as
      estimated; NaN where they are not.
  """

  probe: State
  weights: Array
  round: Array
  losses: Array
  labels: Array
  trusted: Array
  mass: Array
  proposed: Array
  expected: Array


@partial(jax.jit, static_argnames=('n', 'rounds'))
def fresh(n: int, rounds: int, probe: State = ()) -> DivertState:
  """Returns the state before any division.

  Args:
    n: the number of rows.
    rounds: divisions that are remembered.
    probe: see `DivertState`.

  >>> fresh(3, 2).labels.tolist()
  [[-1, -1, -1], [-1, -1, -1]]
  """
  return DivertState(
    probe=probe,
    weights=jnp.ones(n),
    round=jnp.zeros([], jnp.int32),
    losses=jnp.zeros(n),
    labels=jnp.full((rounds, n), LEFT_OUT, jnp.int32),
    trusted=jnp.zeros((rounds, n), bool),
    mass=jnp.zeros((rounds, n)),
    proposed=jnp.full(n, LEFT_OUT, jnp.int32),
    expected=jnp.full(2, jnp.nan),
  )


class Division(NamedTuple):
  """What a defense says of every row.

  Attributes:
    trusted: `b[N]`, with the label as given.
    relabeled: `b[N]`, with that of `labels`.
    labels: `i[N]`, proposed.
    doubt: `f[N]`; high is doubtful.
    expected: see `DivertState`.
  """

  trusted: Array
  relabeled: Array
  labels: Array
  doubt: Array
  expected: Array


def once(
  divide: Callable[[Array | None, Array, DataView], Division],
  what: str,
  made_of: Mapping[str, Any],
  *,
  by_group: bool = False,
) -> Transform:
  """Makes a transform that divides before distillation, and keeps to it.

  Rows that are left out get weight 0, and relabeled rows change target and
  cell. The labels of the data set, not of the measure, are those in doubt. What
  was found of the same data by the same key and options is not sought again
  where `DataView.keep` knows it.

  Args:
    divide: from the groups of the rows, a key and the data; called once.
    what: it is, in words for a console.
    made_of: all options that it depends on, as JSON can hold.
    by_group: give it the groups `i[N]` that the measure knows, not None.

  >>> from rdd_jax.core.transform import DataSpec
  >>> never = once(lambda groups, key, data: None, 'nothing', {})
  >>> int(never.init(DataSpec(3, 2, 2, 2, 0)).round)
  0
  """

  def first(
    measure: Measure, state: DivertState, key: Array, data: DataView
  ) -> DivertState:
    groups = measure.groups if by_group else None
    like = jax.eval_shape(partial(_shapes, len(data.labels)))
    found = data.keep(
      what,
      made_of,
      (data.images, data.labels, groups, jax.random.key_data(key)),
      lambda: _typed(divide(groups, key, data), like),
      like,
    )
    return _remembered(state, measure.weights, data.labels, found)

  def prepare(
    measure: Measure, state: State, *, key: Array, data: DataView
  ) -> tuple[Measure, State]:
    if int(state.round) == 0:
      state = first(measure, state, key, data)
    return _diverted(measure, state, data.labels), state

  return from_prepare(lambda spec: fresh(spec.num_examples, 1), prepare)


def _shapes(n: int) -> Division:
  """The shapes and dtypes of a division of `n` rows."""
  flags, numbers = jnp.zeros(n, bool), jnp.zeros(n, jnp.int32)
  return Division(flags, flags, numbers, jnp.zeros(n), jnp.zeros(2))


def _typed(found: Division, like: Division) -> Division:
  return jax.tree.map(lambda x, to: np.asarray(x, to.dtype), found, like)


@jax.jit
def _remembered(
  state: DivertState, weights: Array, given: Array, found: Division
) -> DivertState:
  """The state after a division of rows of these weights."""
  handed_on = found.trusted | found.relabeled
  labels = jnp.where(found.relabeled, found.labels, given)
  return state._replace(
    weights=weights,
    round=jnp.ones([], jnp.int32),
    losses=found.doubt,
    labels=jnp.where(handed_on, labels, LEFT_OUT).astype(jnp.int32)[None],
    trusted=found.trusted[None],
    mass=jnp.where(handed_on, weights, 0.0)[None],
    proposed=found.labels.astype(jnp.int32),
    expected=found.expected,
  )


@jax.jit
def _diverted(measure: Measure, state: DivertState, given: Array) -> Measure:
  """The measure of what is handed on."""
  found = state.labels[0]
  labels = jnp.where(found == LEFT_OUT, given, found).astype(jnp.int32)
  targets = OneHot(labels, measure.targets.shape[1])
  weights = jnp.where(state.mass[0] > 0, state.weights, 0.0)
  return replace(measure, weights=weights, targets=targets, cells=labels)
