"""Long computations in parts, so that one that is stopped can go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from jax import Array

T = TypeVar('T')


class Parts(Protocol):
  def __call__(
    self,
    what: str,
    arrays: Any,
    start: Callable[[], T],
    advance: Callable[[T, Array | int, Array | int], T],
    total: int,
  ) -> T:
    """Returns what `in_one` would; it may take several calls for it."""
    ...


def in_one(
  what: str,
  arrays: Any,
  start: Callable[[], T],
  advance: Callable[[T, Array | int, Array | int], T],
  total: int,
) -> T:
  """Takes all steps of a computation in one call, in the place of parts.

  Args:
    what: is computed, in words; by it and `arrays` it is known again.
    arrays: a tree of those that make it what it is.
    start: returns the state before the first step.
    advance: `(state, first, last)` to the state after the steps `[first,
      last)`; by one program for all numbers, so that it does not matter how the
      steps are parted.
    total: of the steps.

  >>> in_one('ten', (), lambda: 0, lambda x, i, j: x + j - i, 10)
  10
  """
  del what, arrays
  return advance(start(), 0, total)


def within(seconds: float, steps: int, call: float = 1.0) -> int:
  """Returns how many steps a call of some seconds has; one at least.

  Args:
    seconds: that some steps took.
    steps: their number.
    call: seconds of a call, about.

  >>> within(0.5, 10), within(30.0, 10)
  (20, 1)
  """
  return max(int(call * steps / max(seconds, 1e-6)), 1)
