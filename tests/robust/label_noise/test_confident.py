"""Laws of confident learning: cleanlab decides, and no class is left bare."""

from __future__ import annotations

from collections.abc import Iterator
import sys

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from rdd_jax.core.errors import UserError
from rdd_jax.core.measure import Measure, empirical
from rdd_jax.core.transform import DataSpec, DataView
from rdd_jax.data import load
from rdd_jax.robust.label_noise.confident import RULES, confident_learning
from rdd_jax.robust.label_noise.estimate import as_given
from rdd_jax.robust.label_noise.record import LEFT_OUT, DivertState
from rdd_jax.robust.label_noise.tad import ask

KEY = jax.random.key(0)
CLASSES, SIZE, N = 3, 16, 300
DIGITS = load('digits')
ROWS = np.flatnonzero(DIGITS.train_labels < CLASSES)[:N]
IMAGES = jnp.asarray(DIGITS.train_images[ROWS])
TRUTH = np.asarray(DIGITS.train_labels)[ROWS]
WRONG = np.random.default_rng(0).random(N) < 0.25
GIVEN = np.where(WRONG, (TRUTH + 1) % CLASSES, TRUTH)
DATA = DataView(
  IMAGES, jnp.asarray(GIVEN, jnp.int32), lambda: pytest.fail('unasked')
)


@pytest.fixture(autouse=True, scope='module')
def one_thread() -> Iterator[None]:
  """Threads of a solver wait for each other where cores are busy."""
  with threadpool_limits(1):
    yield


def prepared(**options) -> tuple[Measure, DivertState]:
  transform = confident_learning(CLASSES, size=SIZE, **options)
  state = transform.init(DataSpec(N, CLASSES, CLASSES, CLASSES, 0))
  measure = empirical(GIVEN, CLASSES)
  return transform.prepare(measure, state, key=KEY, data=DATA)


@pytest.mark.parametrize('rule', RULES)
@pytest.mark.parametrize('least_rows', [0, 90])
def test_what_cleanlab_keeps_is_kept_and_a_few_of_each_class(rule, least_rows):
  cleanlab = pytest.importorskip('cleanlab.filter')
  asked = ask(KEY, IMAGES, DATA.labels, CLASSES, SIZE)
  scores, halves = asked.scores.scores, asked.folds.halves
  chances = np.asarray(as_given(scores, DATA.labels, halves), np.float64)
  chances /= chances.sum(1, keepdims=True)
  issues = cleanlab.find_label_issues(GIVEN, chances, filter_by=rule, n_jobs=1)
  kept = ~issues
  mine = chances[np.arange(N), GIVEN]
  for c in range(CLASSES):
    of = np.flatnonzero(np.equal(GIVEN, c))
    kept[of[np.argsort(-mine[of], kind='stable')[:least_rows]]] = True
  measure, state = prepared(rule=rule, least_rows=least_rows)
  np.testing.assert_array_equal(state.trusted[0], kept)
  np.testing.assert_array_equal(measure.weights, kept.astype(float))
  np.testing.assert_array_equal(
    state.labels[0], np.where(kept, GIVEN, LEFT_OUT)
  )
  # Targets and cells are as given: no row comes back with another label.
  as_before = empirical(GIVEN, CLASSES)
  np.testing.assert_array_equal(measure.targets, as_before.targets)
  np.testing.assert_array_equal(measure.cells, as_before.cells)


def test_fewer_labels_are_wrong_than_before():
  pytest.importorskip('cleanlab')
  _, state = prepared()
  kept = np.asarray(state.trusted[0])
  assert WRONG[kept].mean() <= 0.25 * WRONG.mean()
  assert kept[~WRONG].mean() >= 0.85


def test_a_later_preparation_asks_no_one(monkeypatch):
  pytest.importorskip('cleanlab')
  measure, state = prepared()
  monkeypatch.setitem(sys.modules, 'cleanlab.filter', None)
  transform = confident_learning(CLASSES, size=SIZE)
  again, after = transform.prepare(measure, state, key=KEY, data=DATA)
  chex.assert_trees_all_equal(again, measure)
  chex.assert_trees_all_equal(after, state)


def test_without_cleanlab_it_says_what_to_install(monkeypatch):
  monkeypatch.setitem(sys.modules, 'cleanlab', None)
  monkeypatch.setitem(sys.modules, 'cleanlab.filter', None)
  with pytest.raises(UserError, match=r"pip install 'rdd_jax\[confident\]'"):
    prepared()


def test_an_unknown_rule_says_which_there_are():
  with pytest.raises(UserError, match='prune_by_noise_rate'):
    confident_learning(CLASSES, rule='prune')
