"""Metrics of detection, against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from rdd_jax.core.errors import UserError
from rdd_jax.evaluation.ood import metrics as detection

CLASSES = 4


def drawn(seed: int, levels: int) -> tuple[np.ndarray, np.ndarray]:
  """Scores of so many levels, so that few levels give many ties."""
  rng = np.random.default_rng(seed)
  n, m = rng.integers(1, 120, 2)
  inside = rng.integers(0, levels, n) + levels // 5
  return inside.astype(float), rng.integers(0, levels, m).astype(float)


CASES = [(seed, levels) for seed in range(5) for levels in (3, 12, 10**6)]


@pytest.fixture(params=CASES, ids=lambda case: f'{case[0]}-{case[1]}')
def pair(request) -> tuple[np.ndarray, np.ndarray]:
  return drawn(*request.param)


def test_average_precision_equals_its_definition(pair):
  """A sum over thresholds; rows of one score are accepted together."""

  def definition(positive: np.ndarray, negative: np.ndarray) -> float:
    total = 0.0
    for t in np.unique(positive):
      hits, alarms = (positive >= t).sum(), (negative >= t).sum()
      total += (positive == t).mean() * hits / (hits + alarms)
    return total

  inside, outside = pair
  found = detection.detect(inside, outside)
  assert found['aupr_in'] == pytest.approx(definition(inside, outside))
  assert found['aupr_out'] == pytest.approx(definition(-outside, -inside))


def test_auroc_equals_all_comparisons(pair):
  inside, outside = pair
  wins = np.greater.outer(inside, outside).mean()
  ties = np.equal.outer(inside, outside).mean()
  assert detection.auroc(*pair) == pytest.approx(wins + ties / 2)


@pytest.mark.parametrize('tpr', [0.3, 0.95, 1.0])
def test_fpr_equals_a_search_over_all_thresholds(pair, tpr):
  inside, outside = pair
  strictest = max(
    t for t in np.concatenate(pair) if (inside >= t).mean() >= tpr
  )
  expected = (outside >= strictest).mean()
  assert detection.fpr_at(inside, outside, tpr) == pytest.approx(expected)
  loosest = min(
    t for t in np.concatenate(pair) if (outside <= t).mean() >= 0.95
  )
  expected = (inside <= loosest).mean()
  assert detection.detect(*pair)['fpr95_out'] == pytest.approx(expected)


def test_rounding_asks_for_no_row_too_many():
  # 0.55 times 100 is a little more than 55.
  inside = np.arange(100.0)
  for percent in range(1, 101):
    first_refused = np.array([99.0 - percent])
    assert detection.fpr_at(inside, first_refused, percent / 100) == 0
    assert detection.fpr_at(inside, first_refused + 1, percent / 100) == 1


def test_a_constant_score_tells_nothing():
  found = detection.detect(np.full(30, 2.5), np.full(10, 2.5))
  assert found == {
    'auroc': 0.5,
    'aupr_in': 0.75,
    'aupr_out': 0.25,
    'fpr95_in': 1.0,
    'fpr95_out': 1.0,
    'aupr_in_trapezoid': 0.875,
    'aupr_out_trapezoid': 0.625,
  }


def test_what_is_told_apart_is_perfect():
  found = detection.detect(np.arange(5, 9), np.arange(5))
  assert found == {
    'auroc': 1.0,
    'aupr_in': 1.0,
    'aupr_out': 1.0,
    'fpr95_in': 0.0,
    'fpr95_out': 0.0,
    'aupr_in_trapezoid': 1.0,
    'aupr_out_trapezoid': 1.0,
  }


def test_order_does_not_matter(pair):
  rng = np.random.default_rng(0)
  shuffled = [rng.permutation(scores) for scores in pair]
  assert detection.detect(*shuffled) == detection.detect(*pair)


@pytest.mark.parametrize(
  'monotone', [lambda s: 3 * s - 7, np.arcsinh, lambda s: s**3]
)
def test_only_ranks_matter(pair, monotone):
  moved = [monotone(scores) for scores in pair]
  assert detection.detect(*moved) == detection.detect(*pair)


def test_swapping_the_roles_turns_the_metrics_round(pair):
  inside, outside = pair
  found = detection.detect(inside, outside)
  swapped = detection.detect(outside, inside)
  assert swapped['auroc'] == pytest.approx(1 - found['auroc'])
  turned = detection.detect(-outside, -inside)
  assert turned['auroc'] == pytest.approx(found['auroc'])
  assert turned['aupr_in'] == found['aupr_out']
  assert turned['fpr95_in'] == found['fpr95_out']


def test_nan_is_least_in_distribution(pair):
  inside, outside = pair
  with_nan = np.append(inside, np.nan), np.append(outside, [np.nan, np.inf])
  without = np.append(inside, -1e9), np.append(outside, [-1e9, 1e9])
  assert detection.detect(*with_nan) == detection.detect(*without)
  nothing = detection.detect(np.full(4, np.nan), np.full(4, np.nan))
  assert nothing['auroc'] == 0.5
  assert nothing['fpr95_in'] == 1.0


@pytest.mark.parametrize(
  ('inside', 'outside', 'complaint'),
  [
    ([], [1.0], r'inside scores of shape \[0\]: give .* at least one row'),
    ([1.0], [], r'outside scores of shape \[0\]: give .* at least one row'),
    ([[1.0]], [1.0], r'inside scores of shape \[1, 1\]: give a flat array'),
  ],
)
def test_scores_that_are_not_there_are_refused(inside, outside, complaint):
  inside, outside = np.array(inside), np.array(outside)
  for metric in (detection.auroc, detection.fpr_at, detection.detect):
    with pytest.raises(UserError, match=complaint):
      metric(inside, outside)
  with pytest.raises(UserError, match='give'):
    detection.aupr(inside, outside)


def judged(seed: int = 0, n: int = 401) -> tuple[np.ndarray, np.ndarray]:
  """Logits of a network that is too sure, and labels."""
  rng = np.random.default_rng(seed)
  labels = rng.integers(0, CLASSES, n)
  logits = rng.normal(size=(n, CLASSES)) + 1.2 * np.eye(CLASSES)[labels]
  return 3 * logits, labels


def test_misclassification_equals_scikit_learn():
  logits, labels = judged()
  p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
  expected = sk.roc_auc_score(p.argmax(1) == labels, p.max(1))
  found = detection.misclassification(logits, labels)
  assert found == pytest.approx(expected)
  best = logits.argmax(1)
  assert detection.misclassification(logits, best) == 0.5
  assert detection.misclassification(logits, (best + 1) % CLASSES) == 0.5
  assert detection.misclassification(np.nan * logits, labels) == 0.5


def test_sure_predictions_are_ranked_where_probabilities_round_to_one():
  logits = np.array([[0.0, 80.0], [0.0, 90.0], [100.0, 0.0]])
  assert detection.misclassification(logits, np.array([0, 1, 0])) == 1.0
