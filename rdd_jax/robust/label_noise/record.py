"""What a defense that divides the rows remembers of them."""

from __future__ import annotations

from typing import NamedTuple

from jax import Array
import jax.numpy as jnp

from rdd_jax.core.transform import State

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
