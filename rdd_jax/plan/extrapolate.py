"""Predicts how long a training takes from timings of shorter ones."""

from __future__ import annotations

from collections.abc import Callable
import time
from typing import NamedTuple

START = 20  # The shortest length that is measured.


class Seconds(NamedTuple):
  """Holds the time of something that is done several times.

  Attributes:
    first: seconds of the first time, compilation included.
    again: seconds of each time after that.
  """

  first: float
  again: float

  def times(self, n: int) -> float:
    """Returns the seconds of doing it `n` times.

    >>> Seconds(first=3.0, again=1.0).times(4)
    6.0
    """
    return self.first + (n - 1) * self.again if n else 0.0


def extrapolate(
  make: Callable[[int], Callable[[], object]], length: int, budget: float
) -> Seconds:
  """Predicts the time at a length, by a line through two shorter lengths.

  A line, since what does not grow with the length (compiling, evaluating) must
  not be multiplied. A length that seems to fit into the budget is timed itself.

  Args:
    make: from a length to a function that does the work at that length, and
      compiles only the first time that it is called.
    length: the full length, such as steps or epochs; at most `START` is timed
      directly.
    budget: approximate seconds that the second, compiled call may take.

  >>> lengths = []
  >>> def make(n):
  ...   lengths.append(n)
  ...   return lambda: None
  >>> _ = extrapolate(make, length=100_000, budget=1e-3)
  >>> lengths  # all that is run
  [20, 40]
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
  """Times two calls; the faster one counts as `again`.

  >>> calls = []
  >>> found = twice(lambda: calls.append(0))
  >>> len(calls), found.first >= found.again
  (2, True)
  """
  times = []
  for _ in range(2):
    begin = time.perf_counter()
    do()
    times.append(time.perf_counter() - begin)
  return Seconds(times[0], min(times))
