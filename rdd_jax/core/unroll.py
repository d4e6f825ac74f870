"""Training inside a loss, and how to differentiate through it.

`unroll` applies a step many times; its `adjoint` is a value that says how the
gradient comes back, and what is kept for it: time and memory are chosen without
touching the step. Gradients reach `init`, `xs`, and whatever floating arrays
`step` closes over.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
import math
from typing import Any, TypeVar

import jax
from jax import Array, lax
from jax.ad_checkpoint import checkpoint_name
from jax.core import Tracer
from jax.extend.core import jaxpr_as_fun
import jax.numpy as jnp

State = Any
Step = Callable[[State, Any], State]
Adjoint = Callable[[Step, State, Any], State]
T = TypeVar('T')

KEPT = 'kept'


def backprop() -> Adjoint:
  """Keeps all that a step computes: the fastest exact gradient."""

  def run(step: Step, init: State, xs: Any) -> State:
    return lax.scan(lambda state, x: (step(state, x), None), init, xs)[0]

  return run


def checkpointed(every: int | None = 1) -> Adjoint:
  """Keeps states and computes the steps again on the way back: exact.

  What a step has marked by `keep` is kept as well.

  Args:
    every: 1 keeps the state before each of `n` steps. More keeps one state of
      so many, and those between two kept ones while it goes back over them:
      `n / every + every` states in all, for one more pass over the steps. None
      takes about `sqrt(n)`.

  Raises:
    ValueError: for less than 1.

  Source: Chen et al., Training Deep Nets with Sublinear Memory Cost,
    arXiv 1604.06174.
  """
  if every is not None and every < 1:
    raise ValueError(
      f'checkpointed(every={every}): give at least 1, or None for the square '
      'root of the number of steps'
    )

  def run(step: Step, init: State, xs: Any) -> State:
    n = _length(xs)
    size = every or max(round(math.sqrt(n)), 1)
    policy = jax.checkpoint_policies.save_only_these_names(KEPT)
    once = jax.checkpoint(step, prevent_cse=False, policy=policy)
    steps = partial(backprop(), once)
    if size == 1 or size >= n:
      return steps(init, xs)
    whole = n // size * size
    chunk = jax.checkpoint(steps, prevent_cse=False)
    chunks = jax.tree.map(
      lambda x: x[:whole].reshape(-1, size, *x.shape[1:]), xs
    )
    state = backprop()(chunk, init, chunks)
    return steps(state, jax.tree.map(lambda x: x[whole:], xs))

  return run


def keep(tree: T) -> T:
  """Marks what is small and takes long to compute, like a gradient."""
  return jax.tree.map(partial(checkpoint_name, name=KEPT), tree)


def truncated(
  window: int, start: int | Array, *, within: Adjoint | None = None
) -> Adjoint:
  """Runs `start` steps without a gradient, then `window` steps with one.

  A random window, or a late one at a fixed place. The state after the window is
  returned; no gradient reaches `init`.

  Args:
    window: steps that are differentiated; 0 gives no gradient at all.
    start: the steps before them, at most `n - window`; may be traced.
    within: how the window is differentiated; `checkpointed()` by default.

  Source: Feng et al., Embarrassingly Simple Dataset Distillation, ICLR 2024
    (RaT-BPTT).
  """
  inside = within or checkpointed()

  def run(step: Step, init: State, xs: Any) -> State:
    if not isinstance(start, Tracer) and not (
      0 <= int(start) <= _length(xs) - window
    ):
      raise ValueError(
        f'truncated(window={window}, start={start}) of {_length(xs)} steps: '
        'give a start of at least 0 that leaves the window its room'
      )
    still = lax.stop_gradient(xs)
    step, closed = _closed(step, init, xs)
    frozen = lax.stop_gradient(closed)
    state = lax.fori_loop(
      0,
      start,
      lambda i, state: step(state, _at(still, i), *frozen),
      lax.stop_gradient(init),
    )
    rest = jax.tree.map(
      lambda x: lax.dynamic_slice_in_dim(x, start, window), xs
    )
    return inside(lambda s, x: step(s, x, *closed), state, rest)

  return run


def tesla() -> Adjoint:
  """Takes each state as given: approximate, with the memory of one step.

  The change that a step makes is differentiated in what the step is given but
  not in its state, so that the loss's cotangent reaches every step as it is, as
  the released code computes it. The path from a row through the networks of
  later steps is lost.

  Source: Cui et al., Scaling Up Dataset Distillation to ImageNet-1K with
    Constant Memory, ICML 2023.
  """

  def run(step: Step, init: State, xs: Any) -> State:
    step, closed = _closed(step, init, xs)
    return _sum_of_changes(step, init, xs, closed)

  return run


def unroll(
  step: Step, init: State, xs: Any, *, adjoint: Adjoint | None = None
) -> State:
  """Applies one step for each row of `xs` and returns the last state.

  Args:
    step: `(state, x) -> state`, of the same shapes and dtypes.
    init: a pytree.
    xs: a pytree whose leaves are `[n, ...]`.
    adjoint: `backprop()`, `checkpointed(every)`, `truncated(window, start)` or
      `tesla()`; `checkpointed()` by default.

  Returns:
    The last state.

  >>> unroll(lambda s, x: s + x, jnp.zeros(()), jnp.arange(4.0)).item()
  6.0
  """
  return (adjoint or checkpointed())(step, init, xs)


def _length(xs: Any) -> int:
  return jax.tree.leaves(xs)[0].shape[0]


def _at(xs: Any, i: int | Array) -> Any:
  return jax.tree.map(lambda x: lax.dynamic_index_in_dim(x, i, 0, False), xs)


def _closed(step: Step, init: State, xs: Any) -> tuple[Callable, list[Any]]:
  """`step` with all that it closes over as arguments, and those.

  `jax.closure_convert` would leave integers of an outer trace inside.
  """
  closed, shape = jax.make_jaxpr(step, return_shape=True)(init, _at(xs, 0))
  structure = jax.tree.structure(shape)

  def converted(state: State, x: Any, *constants: Any) -> State:
    body = jaxpr_as_fun(type(closed)(closed.jaxpr, list(constants)))
    return structure.unflatten(body(*jax.tree.leaves((state, x))))

  return converted, closed.consts


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _sum_of_changes(
  step: Callable, init: State, xs: Any, closed: list[Any]
) -> State:
  return backprop()(lambda state, x: step(state, x, *closed), init, xs)


def _forward(
  step: Callable, init: State, xs: Any, closed: list[Any]
) -> tuple[State, Any]:
  return _sum_of_changes(step, init, xs, closed), (init, xs, closed)


def _backward(step: Callable, kept: Any, cotangent: State) -> tuple:
  init, xs, closed = kept
  floats, rest = _split(xs)
  consts, still = _split(closed)

  def one(carry: Any, x: Any) -> Any:
    (state, total), (some, others) = carry, x

    def change(some: Any, consts: Any) -> State:
      return step(state, _merge(some, others), *_merge(consts, still))

    new, pull = jax.vjp(change, some, consts)
    of_x, of_closed = pull(cotangent)
    return (new, jax.tree.map(jnp.add, total, of_closed)), of_x

  zeros = jax.tree.map(jnp.zeros_like, consts)
  (_, of_closed), of_xs = lax.scan(one, (init, zeros), (floats, rest))
  return cotangent, of_xs, of_closed


_backward.__doc__ = 'A second pass, which knows the cotangent from the start.'
_sum_of_changes.defvjp(_forward, _backward)


def _split(tree: Any) -> tuple[Any, Any]:
  """The floating leaves, and the others, each with None in the gaps."""

  def keep(floating: bool) -> Any:
    return jax.tree.map(
      lambda x: (
        x if jnp.issubdtype(x.dtype, jnp.floating) == floating else None
      ),
      tree,
    )

  return keep(True), keep(False)


def _merge(a: Any, b: Any) -> Any:
  """The tree that `_split` took apart."""
  return jax.tree.map(
    lambda x, y: y if x is None else x, a, b, is_leaf=lambda x: x is None
  )
