"""What every matching objective is: four functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from jax import Array

from rdd_jax.core.batch import Batch
from rdd_jax.core.transform import Chains, State


class LossesFn(Protocol):
  def __call__(
    self,
    synthetic: Batch,
    real: Batch,
    state: State,
    feed: Any,
    *,
    key: Array,
    places: Chains,
    step_size: Array | None = None,
  ) -> tuple[Array, Array, dict[str, Array]]:
    """Values `f[k]`, mass `f[k]`, and metrics; differentiable in `synthetic`.

    Where the objective trains a student inside, `places.student` edits each of
    its steps, from the state that the chain has now, and `step_size f[]`, where
    one is learned, scales them.
    """
    ...


class AdvanceFn(Protocol):
  def __call__(
    self,
    synthetic: Batch,
    real: Batch,
    state: State,
    *,
    key: Array,
    places: Chains,
  ) -> tuple[State, Chains]:
    """Moves the objective's own networks on, edited by the chains."""
    ...


class Objective(NamedTuple):
  """How a synthetic batch is judged against a real one.

  Attributes:
    init: `(key) -> state`.
    losses: the discrepancies to be made small.
    advance: what changes between two steps besides the synthetic set.
    feed: `(seed, step, source) -> host data` for a step, a pure function of
      the seed, its number and a source such as expert trajectories; None where
      `losses` takes none.
  """

  init: Callable[[Array], State]
  losses: LossesFn
  advance: AdvanceFn
  feed: Callable[[Sequence[int], int, Any], Any] | None = None
