"""Coresets against brute force, and the laws that they keep."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from rdd_jax.core.errors import UserError
from rdd_jax.synthetic import coresets

CLASSES, IPC = 3, 5
GREEDY = [coresets.herding, coresets.k_center]


@pytest.fixture
def data():
  rng = np.random.default_rng(0)
  labels = rng.integers(0, CLASSES, 60)
  return rng.normal(size=(60, 4)) + labels[:, None], labels


def _herding(x, ipc):
  chosen = []
  for _ in range(ipc):
    left = [i for i in range(len(x)) if i not in chosen]
    gaps = [x[[*chosen, i]].mean(0) - x.mean(0) for i in left]
    chosen.append(left[np.argmin([g @ g for g in gaps])])
  return chosen


def _k_center(x, ipc):
  chosen = [int(np.argmin(((x - x.mean(0)) ** 2).sum(1)))]
  while len(chosen) < ipc:
    to_all = ((x[:, None] - x[None, chosen]) ** 2).sum(-1)
    chosen.append(int(np.argmax(to_all.min(1))))
  return chosen


@pytest.mark.parametrize(
  ('select', 'brute'),
  [(coresets.herding, _herding), (coresets.k_center, _k_center)],
)
def test_greedy_choices_equal_brute_force(select, brute, data):
  x, labels = data
  expected = []
  for c in range(CLASSES):
    rows = np.flatnonzero(labels == c)
    expected += rows[brute(x[rows], IPC)].tolist()
  assert select(x, labels, IPC, CLASSES).tolist() == expected


@pytest.mark.parametrize('select', GREEDY)
def test_a_permutation_of_the_rows_permutes_the_choice(select, data):
  x, labels = data
  order = np.random.default_rng(1).permutation(len(x))
  moved = select(x[order], labels[order], IPC, CLASSES)
  np.testing.assert_array_equal(order[moved], select(x, labels, IPC, CLASSES))


def _all_selections(x, labels, ipc, weights):
  key = jax.random.key(0)
  yield coresets.random(key, labels, ipc, CLASSES, weights)
  for select in GREEDY:
    yield select(x, labels, ipc, CLASSES, weights)


def test_masked_rows_are_as_if_they_were_not_there(data):
  x, labels = data
  rng = np.random.default_rng(2)
  weights = (rng.random(len(x)) < 0.6).astype(np.float32)
  kept = np.flatnonzero(weights)
  for rows in _all_selections(x, labels, IPC, weights):
    assert len(set(rows.tolist())) == CLASSES * IPC
    assert weights[rows].all()
    np.testing.assert_array_equal(
      labels[rows], np.repeat(np.arange(CLASSES), IPC)
    )
  for select in GREEDY:
    alone = select(x[kept], labels[kept], IPC, CLASSES)
    np.testing.assert_array_equal(
      select(x, labels, IPC, CLASSES, weights), kept[alone]
    )
  assert sorted(coresets.whole(labels, CLASSES, weights)) == kept.tolist()


def test_random_rows_depend_on_the_key_alone(data):
  _, labels = data
  first, again, other = (
    coresets.random(jax.random.key(k), labels, IPC, CLASSES) for k in (0, 0, 1)
  )
  np.testing.assert_array_equal(first, again)
  assert (first != other).any()


def test_rows_of_a_small_class_come_again_in_their_order(data):
  x, labels = data
  weights = np.where(labels == 1, 0.0, 1.0)
  two = np.flatnonzero(labels == 1)[:2]
  weights[two] = 1.0
  for chosen in _all_selections(x, labels, IPC, weights):
    found = chosen[labels[chosen] == 1]
    assert sorted(found[:2]) == sorted(two)
    np.testing.assert_array_equal(found, np.resize(found[:2], IPC))
    assert len(chosen) == IPC * CLASSES


def test_a_class_without_rows_is_named(data):
  x, labels = data
  with pytest.raises(UserError, match='class 1 has no row'):
    list(_all_selections(x, labels, IPC, np.where(labels == 1, 0.0, 1.0)))


def test_all_rows_of_a_class_may_be_taken():
  x = np.ones((4, 2))  # ties everywhere
  labels = np.array([0, 0, 1, 1])
  for select in GREEDY:
    assert sorted(select(x, labels, 2, 2)) == [0, 1, 2, 3]
