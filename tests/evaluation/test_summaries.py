"""Metrics of one evaluation, and their summaries over many."""

from __future__ import annotations

from dataclasses import replace

from evaluation.evaluate_cases import CLASSES, NET, keys, toy
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import metrics as sk

from rdd_jax import networks
from rdd_jax.evaluation import calibration, metrics
from rdd_jax.evaluation.evaluate import TestData, evaluate, evaluate_networks
from rdd_jax.images.preprocessing import standardize
from rdd_jax.training.recipe import Recipe


@pytest.fixture
def judged():
  rng = np.random.default_rng(0)
  logits = 2 * rng.normal(size=(200, CLASSES)).astype(np.float32)
  return logits, rng.integers(0, CLASSES, 200)


def test_accuracies_equal_scikit_learn(judged):
  logits, labels = judged
  predicted = logits.argmax(1)
  assert metrics.accuracy(logits, labels) == pytest.approx(
    sk.accuracy_score(labels, predicted)
  )
  recall = sk.recall_score(labels, predicted, average=None)
  got = metrics.group_accuracy(logits, labels, labels)
  np.testing.assert_allclose(got, recall)
  measured = metrics.measure(logits, labels, num_classes=CLASSES)
  assert measured['worst_class'] == pytest.approx(np.min(recall))


def test_calibration_error_equals_its_definition(judged):
  logits, labels = judged
  p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
  confidence, right = p.max(1), p.argmax(1) == labels
  expected = 0.0
  for b in range(15):
    inside = (confidence > b / 15) & (confidence <= (b + 1) / 15)
    if inside.any():
      gap = right[inside].mean() - confidence[inside].mean()
      expected += inside.mean() * abs(gap)
  assert calibration.ece(logits, labels) == pytest.approx(expected, rel=1e-4)
  certain = 100 * np.eye(CLASSES)[labels]
  assert calibration.ece(certain, labels) == pytest.approx(0.0)


def test_groups_rare_rows_and_a_reject_class(judged):
  logits, labels = judged
  reject = np.concatenate([logits, np.full((200, 1), 50.0)], 1)
  groups = np.where(np.arange(200) < 20, 2, 0)  # group 1 is empty
  groups[190:] = -1  # and these rows are of none
  measured = metrics.measure(
    reject, labels, num_classes=CLASSES, groups=groups, rare=groups == 2
  )
  right = logits.argmax(1) == labels
  assert measured['rare_group'] == pytest.approx(right[:20].mean())
  assert measured['majority_group'] == pytest.approx(right[20:].mean())
  by_pair = [
    right[inside].mean()
    for c in range(CLASSES)
    for g in (0, 2)
    if (inside := (labels == c) & (groups == g)).any()
  ]
  assert measured['worst_group'] == pytest.approx(min(by_pair))
  assert measured['group_balanced'] == pytest.approx(np.mean(by_pair))
  assert measured['ece'] == pytest.approx(calibration.ece(logits, labels))


def test_summaries_are_sample_statistics_and_pool():
  first = metrics.summary([0.5, 0.7, 0.9])
  assert first['mean'] == pytest.approx(0.7)
  assert first['std'] == pytest.approx(0.2)
  assert first['n'] == 3
  assert metrics.summary([0.4])['std'] == 0.0
  pooled = metrics.pool([{'a': first}, {'a': metrics.summary([0.4])}])
  assert pooled['a']['values'] == [0.5, 0.7, 0.9, 0.4]
  with pytest.raises(ValueError, match='one value for each seed'):
    metrics.summary([])


def test_a_table_over_networks():
  pixels = (np.clip(np.asarray(toy(60).inputs) / 2, 0, 1) * 255).astype('uint8')
  labels = np.asarray(toy(60).cells)
  preprocess = standardize([0.2], [0.3])
  held = TestData(pixels, labels, groups=labels, rare=labels == 2)
  nets = {'narrow': NET, 'wide': networks.build('mlp', CLASSES, width=32)}
  recipe = Recipe(steps=40, learning_rate=0.1)
  common = {
    'num_classes': CLASSES,
    'preprocess': preprocess,
    'seeds': keys(2),
  }
  batch = replace(toy(60), inputs=preprocess(jnp.asarray(pixels)))
  table = evaluate_networks(nets, batch, held, recipe, **common)
  assert list(table) == ['narrow', 'wide']
  for row in table.values():
    assert row['accuracy']['mean'] > 0.9
    assert row['worst_group'] == row['worst_class']
    assert row['accuracy']['n'] == 2
  raw = replace(batch, inputs=jnp.asarray(pixels))
  row = evaluate(NET, raw, held, recipe, **common)
  assert row['accuracy'] == table['narrow']['accuracy']
