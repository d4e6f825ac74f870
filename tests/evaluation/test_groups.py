"""Laws of what is measured over groups."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from rdd_jax.evaluation import groups as by_group
from rdd_jax.evaluation import metrics

CLASSES, GROUPS = 4, 3


@pytest.fixture
def judged():
  rng = np.random.default_rng(0)
  labels, groups = rng.integers(0, CLASSES, 600), rng.integers(-1, GROUPS, 600)
  logits = rng.normal(size=(600, CLASSES)) + np.eye(CLASSES)[labels]
  return logits, labels, groups


def one_row_each(labels, groups, rng) -> np.ndarray:
  """How often each class and group was trained on, at random."""
  table = rng.integers(0, 50, (CLASSES, GROUPS))
  return np.where(groups >= 0, table[labels, groups], 0)


def test_adjusted_accuracy_is_a_weighted_mean_of_group_accuracies(judged):
  logits, labels, groups = judged
  trained = one_row_each(labels, groups, np.random.default_rng(1))
  right, total, mass = logits.argmax(1) == labels, 0.0, 0
  for c in range(CLASSES):
    for g in range(GROUPS):
      inside = (labels == c) & (groups == g)
      count = trained[inside][0]
      total, mass = total + count * right[inside].mean(), mass + count
  found = by_group.adjusted_accuracy(logits, labels, groups, trained)
  assert found == pytest.approx(total / mass)


def test_adjusted_accuracy_has_its_limits(judged):
  logits, labels, groups = judged
  some = groups >= 0
  right = logits.argmax(1) == labels

  def adjusted(trained: np.ndarray) -> float:
    return by_group.adjusted_accuracy(logits, labels, groups, trained)

  own = by_group.training_rows(labels, groups, labels, groups)
  assert adjusted(own) == pytest.approx(right[some].mean())
  balanced = metrics.measure(
    logits, labels, num_classes=CLASSES, groups=groups
  )['group_balanced']
  assert adjusted(np.ones(600)) == pytest.approx(balanced)
  only = (labels == 2) & (groups == 1)
  assert adjusted(np.where(only, 7, 0)) == pytest.approx(right[only].mean())
  assert np.isnan(adjusted(np.zeros(600)))


def test_training_rows_are_counted_by_class_and_group(judged):
  _, labels, groups = judged
  rng = np.random.default_rng(2)
  theirs, other = rng.integers(0, 6, 900), rng.integers(-1, 5, 900)
  found = by_group.training_rows(labels, groups, theirs, other)
  for i in range(0, 600, 7):
    count = np.sum((theirs == labels[i]) & (other == groups[i]))
    assert found[i] == (count if groups[i] >= 0 else 0)
  assert not by_group.training_rows(
    labels, groups, labels[:0], groups[:0]
  ).any()


def test_odds_are_rows_of_the_confusion_matrix_of_each_group(judged):
  logits, labels, groups = judged
  found = by_group.odds(logits, labels, groups)
  for g in range(GROUPS):
    inside = groups == g
    expected = sk.confusion_matrix(
      labels[inside],
      logits[inside].argmax(1),
      labels=range(CLASSES),
      normalize='true',
    )
    np.testing.assert_allclose(found[g], expected)


def test_of_two_classes_equalized_odds_are_those_of_rates(judged):
  """The greater difference of true and of false positive rates (Hardt)."""
  logits, labels, groups = judged
  two = labels < 2
  z, y, g = logits[two][:, :2], labels[two], groups[two]
  said = z.argmax(1)
  rates = {
    of: [said[(y == of) & (g == i)].mean() for i in range(GROUPS)]
    for of in (0, 1)
  }
  gaps = [max(r) - min(r) for r in rates.values()]
  found = by_group.odds_differences(z, y, g)
  assert found['equalized_odds'] == pytest.approx(max(gaps))
  assert found['deo_max'] == pytest.approx(max(gaps))
  assert found['deo_mean'] == pytest.approx(np.mean(gaps))


def test_odds_do_not_differ_where_predictions_do_not_heed_groups(judged):
  logits, labels, groups = judged
  sure = np.eye(CLASSES)[labels]
  found = by_group.odds_differences(sure, labels, groups)
  assert found == {'equalized_odds': 0.0, 'deo_max': 0.0, 'deo_mean': 0.0}
  biased = by_group.odds_differences(logits, labels, groups)
  assert 0 < biased['deo_mean'] <= biased['deo_max']
  assert biased['deo_max'] <= biased['equalized_odds'] <= 1
  renamed = by_group.odds_differences(logits, labels, (groups + 2) % 3)
  kept = groups >= 0
  assert by_group.odds_differences(
    logits[kept], labels[kept], (groups[kept] + 2) % 3
  ) == by_group.odds_differences(logits[kept], labels[kept], groups[kept])
  assert renamed.keys() == biased.keys()


def test_where_each_class_has_one_group_there_is_nothing_to_compare(judged):
  logits, labels, _ = judged
  assert by_group.odds_differences(logits, labels, labels) == {}
  assert by_group.odds_differences(logits, labels, np.full(600, -1)) == {}
