"""The smallest difference that so many pairs would have shown."""

from __future__ import annotations

import math

import numpy as np

POINTS = 10_000  # by which the distribution of a standard deviation is averaged


def smallest_effect(
  std: float, n: int, *, level: float = 0.05, power: float = 0.8
) -> float:
  """Returns the mean difference that a paired t-test shows so often.

  A two-sided test of `n` normal differences; with `T` of the noncentral t
  distribution of `n - 1` degrees of freedom and center `sqrt(n) d / std`, the
  `d` at which `|T|` exceeds the quantile of `1 - level / 2` in a share `power`
  of all cases.

  Args:
    std: of the differences, with `n - 1` in the denominator.
    n: pairs; nan where there are fewer than two.
    level: of the test.
    power: how often it is shown.

  >>> round(smallest_effect(1.0, 5), 2), round(smallest_effect(2.0, 100), 2)
  (1.68, 0.57)
  """
  from scipy import optimize, stats

  if n < 2:
    return math.nan
  bound = stats.t.ppf(1 - level / 2, n - 1)

  # scipy's noncentral t is nan in its far tails, so its chi is averaged here.
  ranks = (np.arange(POINTS) + 0.5) / POINTS
  chi = np.sqrt(stats.chi2.ppf(ranks, n - 1) / (n - 1))

  def missing(center: float) -> float:
    above = stats.norm.cdf(center - bound * chi)
    return float((above + stats.norm.cdf(-center - bound * chi)).mean()) - power

  found = optimize.root_scalar(missing, bracket=(0.0, 10.0 * bound))
  return found.root * std / math.sqrt(n)
