"""What every matching objective is: four functions of a step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import jax
from jax import Array
import jax.numpy as jnp

from rdd_jax.core.batch import Batch, Look
from rdd_jax.core.transform import (
  BoundTransform,
  Chains,
  EmptyState,
  State,
  identity,
)

NO_CHAINS = Chains(*2 * [BoundTransform(EmptyState(), identity())])


class Step(NamedTuple):
  """What an objective is given at one step, besides the synthetic batch.

  Attributes:
    real: the real rows of the step.
    state: the objective's own, before the step.
    key: of all that is drawn; `losses` and `advance` are given different ones.
    chains: the chains inside SGD, with their states. Where the objective trains
      a student inside, `chains.student` edits each of its steps, from the state
      that the chain has now.
    feed: host data of the step, as `Objective.feed` makes it, or None.
    step_size: `f[]`, which scales the steps of a student, where one is learned.
    look: from some of the real rows to the same with their inputs, of
      objectives that are `in_parts`; the inputs of all others are there.
  """

  real: Batch
  state: State
  key: Array
  chains: Chains = NO_CHAINS
  feed: Any = None
  step_size: Array | None = None
  look: Look = Look()


class LossesFn(Protocol):
  def __call__(
    self, synthetic: Batch, step: Step
  ) -> tuple[Array, Array, dict[str, Array]]:
    """Computes what is made small; differentiable in `synthetic`.

    Args:
      synthetic: the rows that are learned.
      step: the real rows, state and key.

    Returns:
      Values `f[k]`, one for each of whatever is matched, such as cells; their
      mass `f[k]`, by which a risk weighs them, zero where nothing was matched;
      and metrics by name, `f[]`, which are logged.
    """
    ...


class AdvanceFn(Protocol):
  def __call__(self, synthetic: Batch, step: Step) -> tuple[State, Chains]:
    """Moves the objective's own networks on, edited by the chains.

    Args:
      synthetic: the rows as this step left them.
      step: the real rows, state and key.

    Returns:
      The state of the next step, and `step.chains`, with the states that their
      own steps left where they were called.
    """
    ...


class Objective(NamedTuple):
  """How far a synthetic batch is from a real one.

  Three functions are needed, pure and traced once; the fourth is of those that
  need data of the host at each step.

  Attributes:
    init: `(key) -> state`, any pytree of arrays: networks, for most.
    losses: `(synthetic, step) -> (values f[k], mass f[k], metrics)`, the
      discrepancies to be made small; see `LossesFn`.
    advance: `(synthetic, step) -> (state, chains)`, what changes between two
      steps besides the synthetic set; see `AdvanceFn`. One without state, or
      with fresh networks at each step, returns `init(step.key), step.chains`.
    feed: `(seed, step, source) -> host data` for a step, a pure function of
      the seed, its number and a source such as expert trajectories; None where
      `losses` takes none.
    in_parts: it calls `step.look` on the real rows that it takes up at once, so
      that the images of all of them need never be in memory together.

  >>> def losses(synthetic, step):  # the mean pixel of all rows
  ...   gap = synthetic.inputs.mean() - step.real.inputs.mean()
  ...   return gap[None] ** 2, jnp.ones(1), {'gap': gap}
  >>> def advance(synthetic, step):
  ...   return step.state, step.chains
  >>> mine = Objective(lambda key: EmptyState(), losses, advance)
  >>> values, mass, metrics = trace(mine, 2, (8, 8, 1), num_outputs=2)
  >>> values.shape, mass.shape, list(metrics)
  ((1,), (1,), ['gap'])
  """

  init: Callable[[Array], State]
  losses: LossesFn
  advance: AdvanceFn
  feed: Callable[[Sequence[int], int, Any], Any] | None = None
  in_parts: bool = False


def trace(
  objective: Objective,
  n: int,
  input_shape: tuple[int, ...],
  num_outputs: int,
  **given: Any,
) -> tuple[Array, Array, dict[str, Array]]:
  """Returns the shapes of what `losses` returns, without arithmetic.

  Args:
    objective: whose `init` and `losses` are traced.
    n: synthetic rows, and real ones.
    input_shape: of a row, `(height, width, channels)`.
    num_outputs: of targets.
    **given: `feed` and `step_size`, where the objective takes them.
  """

  def shape(*size: int, dtype: Any = jnp.float32) -> Any:
    return jax.ShapeDtypeStruct(size, dtype)

  ids = shape(n, dtype=jnp.int32)
  rows = Batch(
    shape(n, *input_shape), shape(n, num_outputs), shape(n), *3 * [ids]
  )

  def losses(key: Array, rows: Batch) -> Any:
    step = Step(rows, objective.init(key), key, **given)
    return objective.losses(rows, step)

  return jax.eval_shape(losses, jax.random.key(0), rows)
