"""Laws of the smallest difference that so many pairs would have shown."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from rdd_jax.compare.power import smallest_effect
from rdd_jax.compare.recorded import SHOWN, difference_lines


@pytest.mark.parametrize('n', [3, 5, 20])
def test_a_difference_of_this_size_is_shown_four_times_in_five(n):
  effect = smallest_effect(2.0, n)
  pairs = np.random.default_rng(0).normal(effect, 2.0, (20_000, n))
  shown = stats.ttest_1samp(pairs, 0, axis=1).pvalue < 0.05
  assert shown.mean() == pytest.approx(0.8, abs=0.01)


def test_it_is_in_the_unit_of_what_was_measured_and_falls_with_pairs():
  assert smallest_effect(6.0, 4) == pytest.approx(3 * smallest_effect(2.0, 4))
  effects = [smallest_effect(1.0, n) for n in range(2, 30)]
  assert effects == sorted(effects, reverse=True)
  normal = (stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) / 100
  assert smallest_effect(1.0, 10_000) == pytest.approx(normal, rel=1e-3)
  assert math.isnan(smallest_effect(1.0, 1))


def test_the_line_of_what_would_have_shown_is_that_of_the_widest_method():
  narrow, wide = [0.01, 0.02, 0.03], [-0.1, 0.0, 0.4]
  found = {'a': {'accuracy': narrow}, 'b': {'accuracy': wide}}
  *lines, last = difference_lines(found, 'none')
  assert [line.name for line in lines] == ['a, over none', 'b, over none']
  assert last.name == SHOWN
  effect = smallest_effect(100 * float(np.std(wide, ddof=1)), 3)
  assert last.cells['accuracy']['mean'] == pytest.approx(effect, abs=0.06)
