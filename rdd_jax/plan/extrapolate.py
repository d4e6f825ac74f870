"""Predicts how long a whole takes from parts of it."""

from __future__ import annotations

from collections.abc import Callable
import time
from typing import NamedTuple

START = 20  # The shortest length that is measured.


class Seconds(NamedTuple):
  """Of a thing that is done several times.

  Attributes:
    first: the first time, when it is compiled.
    again: each time after that.
  """

  first: float
  again: float

  def times(self, n: int) -> float:
    """Returns the seconds of `n` times in all.

    >>> Seconds(first=5.0, again=1.0).times(4)
    8.0
    """
    return self.first + (n - 1) * self.again if n else 0.0


def extrapolate(
  make: Callable[[int], Callable[[], object]], length: int, budget: float
) -> Seconds:
  """Times a short run twice, a longer one if that is short; fits a line.

  A line, because what does not grow with the length (compiling, judging what
  was trained) is not to be multiplied. If the whole seems to take less than
  the budget, it is done whole.

  Args:
    make: from a length to what does the thing at that length, which compiles
      the first time that it is done and not again.
    length: of the whole.
    budget: seconds that doing it again may take, about.
  """
  n = min(length, START)
  short = twice(make(n))
  if n == length:
    return short
  reach = n * budget / max(short.again, 1e-3)
  m = int(min(length, max(reach, 2 * n)))
  long = twice(make(m))
  slope = max(long.again - short.again, 0.0) / (m - n)
  again = long.again + slope * (length - m)
  # What the short one compiled besides, the long one found compiled.
  compiling = max(short.first - short.again, long.first - long.again)
  return Seconds(compiling + again, again)


def twice(do: Callable[[], object]) -> Seconds:
  """Returns seconds of the first time and of the second."""
  times = []
  for _ in range(2):
    begin = time.perf_counter()
    do()
    times.append(time.perf_counter() - begin)
  return Seconds(times[0], min(times))
