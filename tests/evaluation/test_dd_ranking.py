"""DD-Ranking's scores at their limits, in their order, and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rdd_jax.core.errors import UserError
from rdd_jax.evaluation.dd_ranking import (
  augmentation_robust_score,
  hard_label_recovery,
  improvement_over_random,
  label_robust_score,
  score,
)


def test_limits():
  assert score(-1) == 0
  assert score(1) == pytest.approx(1)
  # The best set: as good as all rows, where random rows know nothing.
  assert label_robust_score(hlr=0, ior=1, weight=1) == pytest.approx(1)
  # The worst set: of no use with hard labels, where all rows are perfect.
  assert label_robust_score(hlr=1, ior=-1, weight=0.5) == pytest.approx(0)
  assert augmentation_robust_score(1, 1) == pytest.approx(1)
  assert augmentation_robust_score(-1, -1) == pytest.approx(0)


def test_a_set_that_is_random_rows_has_the_score_of_no_gain():
  none = (1 - math.exp(-1)) / (math.e - math.exp(-1))
  assert augmentation_robust_score(0, 0) == pytest.approx(none)
  assert label_robust_score(0.0, 0.0) == pytest.approx(none)
  assert none == pytest.approx(0.2689, abs=1e-4)  # = sigmoid(-1)


def test_by_hand():
  # All rows 0.9; the set 0.7, and 0.5 with hard labels; random rows 0.4.
  hlr = hard_label_recovery(full=0.9, hard=0.5)
  ior = improvement_over_random(own=0.7, random=0.4)
  assert (hlr, ior) == (pytest.approx(0.4), pytest.approx(0.3))
  # 0.25 * 0.3 - 0.75 * 0.4 = -0.225
  expected = (math.exp(-0.225) - 0.36787944) / 2.35040239
  assert label_robust_score(hlr, ior, 0.25) == pytest.approx(expected)
  # 0.25 * 0.3 + 0.75 * 0.1 = 0.15
  expected = (math.exp(0.15) - 0.36787944) / 2.35040239
  assert augmentation_robust_score(0.3, 0.1, 0.25) == pytest.approx(expected)


def test_more_gain_is_better_and_more_loss_is_worse():
  grid = np.linspace(-1, 1, 21)
  for weight in (0.1, 0.5, 0.9):
    gains = [label_robust_score(0.2, ior, weight) for ior in grid]
    losses = [label_robust_score(hlr, 0.2, weight) for hlr in grid]
    augmented = [augmentation_robust_score(a, 0.1, weight) for a in grid]
    plain = [augmentation_robust_score(0.1, p, weight) for p in grid]
    for rising in (gains, augmented, plain, losses[::-1]):
      assert np.all(np.diff(rising) > 0)
      assert min(rising) >= 0
      assert max(rising) <= 1


def test_the_weight_chooses():
  assert label_robust_score(0.3, 0.6, 1) == score(0.6)
  assert label_robust_score(0.3, 0.6, 0) == score(-0.3)
  assert augmentation_robust_score(0.3, 0.6, 1) == score(0.3)
  assert augmentation_robust_score(0.3, 0.6, 0) == score(0.6)


@pytest.mark.parametrize(
  'call',
  [
    lambda: hard_label_recovery(90.0, 0.5),
    lambda: hard_label_recovery(0.9, -0.1),
    lambda: improvement_over_random(0.5, 46.4),
    lambda: label_robust_score(0, 0, 2),
    lambda: augmentation_robust_score(0, 0, float('nan')),
  ],
)
def test_per_cent_is_refused(call):
  with pytest.raises(UserError, match='give a fraction'):
    call()
