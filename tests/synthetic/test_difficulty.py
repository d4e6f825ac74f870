"""Laws of scores of rows, and of the coresets that they choose."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from rdd_jax.core.errors import UserError
from rdd_jax.synthetic import coresets, difficulty

KEY = jax.random.key(0)


@pytest.fixture
def judged():
  rng = np.random.default_rng(0)
  return rng.normal(size=(300, 5)), rng.integers(0, 5, 300)


def test_scores_equal_their_definitions(judged):
  logits, labels = judged
  error, margin = (
    f(logits, labels) for f in (difficulty.el2n, difficulty.margin)
  )
  for i in range(0, 300, 17):
    p = np.exp(logits[i]) / np.exp(logits[i]).sum()
    one = np.eye(5)[labels[i]]
    assert error[i] == pytest.approx(np.sqrt(np.sum((p - one) ** 2)))
    assert margin[i] == pytest.approx(p[labels[i]] - max(p[one == 0]))
  shifted = logits + 7
  np.testing.assert_allclose(difficulty.el2n(shifted, labels), error)


def test_scores_have_their_limits(judged):
  _, labels = judged
  right, wrong = 99 * np.eye(5)[labels], 99 * np.eye(5)[(labels + 1) % 5]
  np.testing.assert_allclose(difficulty.el2n(right, labels), 0, atol=1e-12)
  np.testing.assert_allclose(difficulty.el2n(wrong, labels), np.sqrt(2))
  np.testing.assert_allclose(difficulty.margin(right, labels), 1)
  np.testing.assert_allclose(difficulty.margin(wrong, labels), -1)


def test_forgetting_counts_falls_from_right_to_wrong():
  rng = np.random.default_rng(0)
  right = rng.random((12, 200)) < 0.6
  right[:, 3], right[:, 4] = False, True
  found = difficulty.forgetting(right)
  for row in range(200):
    events = sum(
      bool(right[t - 1, row] and not right[t, row]) for t in range(1, 12)
    )
    assert found[row] == (events if right[:, row].any() else np.inf)
  assert found[3] == np.inf
  assert found[4] == 0
  np.testing.assert_array_equal(
    difficulty.forgetting(np.repeat(right, 3, 0)), found
  )


def test_the_hardest_of_each_class_are_chosen(judged):
  logits, labels = judged
  scores = difficulty.el2n(logits, labels)
  rows = coresets.hardest(KEY, scores, labels, 7, 5)
  for c, own in enumerate(rows.reshape(5, 7)):
    assert (labels[own] == c).all()
    left = np.setdiff1d(np.flatnonzero(labels == c), own)
    assert scores[own].min() >= scores[left].max()
  moved = coresets.hardest(KEY, scores**3, labels, 7, 5)
  np.testing.assert_array_equal(moved, rows)


def test_rows_of_one_score_are_drawn():
  labels, scores = np.zeros(100, int), np.ones(100)
  drawn = [
    coresets.hardest(k, scores, labels, 10, 1) for k in jax.random.split(KEY)
  ]
  assert set(drawn[0]) != set(drawn[1])
  scores[40] = np.inf
  assert coresets.hardest(KEY, scores, labels, 10, 1)[0] == 40


def strata(scores: np.ndarray, beta: float, k: int) -> np.ndarray:
  """The stratum of each row, -1 of those that are too hard."""
  order = np.argsort(scores, kind='stable')
  kept = order[: len(order) - int(beta * len(order))]
  edges = np.linspace(scores[kept].min(), scores[kept].max(), k + 1)
  found = np.full(len(scores), -1)
  found[kept] = np.clip(np.digitize(scores[kept], edges) - 1, 0, k - 1)
  return found


@pytest.mark.parametrize('n', [1, 10, 40, 130])
@pytest.mark.parametrize('beta', [0.0, 0.3])
def test_ccs_covers_strata_as_evenly_as_their_sizes_allow(n, beta):
  rng = np.random.default_rng(n)
  scores, labels = rng.gamma(1.0, size=200), np.zeros(200, int)
  rows = coresets.ccs(KEY, scores, labels, n, 1, beta=beta, strata=10)
  assert len(set(rows.tolist())) == n
  own = strata(scores, beta, 10)
  assert (own[rows] >= 0).all()
  size = np.bincount(own[own >= 0], minlength=10)
  share = np.bincount(own[rows], minlength=10)
  # Strata are filled to one level, or to what they have.
  levels = np.linspace(0, size.max(), 2001)
  level = levels[
    np.searchsorted([np.minimum(size, x).sum() for x in levels], n)
  ]
  assert np.abs(share - np.minimum(size, level)).max() <= 1


def test_ccs_of_all_that_is_kept_is_all_and_of_equal_scores_a_draw():
  scores, labels = np.arange(50.0), np.zeros(50, int)
  rows = coresets.ccs(KEY, scores, labels, 35, 1, beta=0.3)
  np.testing.assert_array_equal(rows, np.arange(35))
  rows = coresets.ccs(KEY, scores, labels, 45, 1, beta=0.3)
  np.testing.assert_array_equal(rows, np.arange(45))  # more than a share stays
  one, other = (
    coresets.ccs(k, np.ones(50), labels, 5, 1) for k in jax.random.split(KEY)
  )
  assert set(one) != set(other)


@pytest.mark.parametrize('choose', [coresets.hardest, coresets.ccs])
def test_classes_are_apart_and_none_may_be_empty(choose, judged):
  logits, labels = judged
  scores = difficulty.el2n(logits, labels)
  rows = choose(KEY, scores, labels, 4, 5)
  np.testing.assert_array_equal(labels[rows], np.repeat(np.arange(5), 4))
  with pytest.raises(UserError, match='class 5 has no row'):
    choose(KEY, scores, labels, 4, 6)
  weights = (np.arange(300) % 2).astype(float)
  assert (choose(KEY, scores, labels, 4, 5, weights) % 2 == 1).all()
