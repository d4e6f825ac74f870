"""Laws of finding groups: what is planted is found, and what is not stays."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from rdd_jax import networks
from rdd_jax.core.errors import UserError
from rdd_jax.core.measure import Measure, empirical
from rdd_jax.core.transform import DataSpec, DataView, chain
from rdd_jax.robust import balance, regroup, relative_difficulty
from rdd_jax.robust.groups.discover import FinderInputs, GroupAssignment
from rdd_jax.robust.groups.finders import (
  clear_splits,
  clusters,
  misread,
  sparse,
)
from rdd_jax.training.probe import probe

CLASSES = 2
N = 600
SPEC = DataSpec(N, CLASSES, CLASSES, CLASSES, 0)


def planted(
  share: float, gap: float, seed: int = 0
) -> tuple[FinderInputs, np.ndarray]:
  """Normal features, and in each class a few rows that lie apart by `gap`."""
  rng = np.random.default_rng(seed)
  labels = np.arange(N) % CLASSES
  rare = rng.random(N) < share
  features = rng.normal(size=(N, 16)) @ rng.normal(size=(16, 16))
  direction = rng.normal(size=16)
  spread = (features @ direction).std() / np.linalg.norm(direction)
  features += np.outer(
    rare, gap * spread * direction / np.linalg.norm(direction)
  )
  chances = np.full((N, CLASSES), 0.1)
  chances[np.arange(N), np.where(rare, 1 - labels, labels)] = 0.9
  images = rng.integers(0, 256, (N, 4, 4, 1)).astype(np.uint8)
  return FinderInputs(images, labels, features, chances), rare


def test_clear_splits_find_what_is_planted():
  look, rare = planted(0.1, gap=12)
  found = clear_splits(components=6)(look, CLASSES, np.random.default_rng(1))
  assert (found.groups == rare).mean() > 0.98
  assert (found.separation > 3).all()


def test_clear_splits_stay_off_where_there_is_none():
  look, _ = planted(0.0, gap=0)
  found = clear_splits(components=6)(look, CLASSES, np.random.default_rng(1))
  assert (found.groups == -1).all()


def test_clear_splits_leave_halves_alone():
  look, _ = planted(0.5, gap=12)
  rng = np.random.default_rng(1)
  assert (clear_splits(components=6)(look, CLASSES, rng).groups == -1).all()
  halves = clear_splits(components=6, most=1.0)(look, CLASSES, rng)
  assert (halves.groups >= 0).all()


def test_clear_splits_set_apart_each_value_of_a_cue():
  look, rare = planted(0.05, gap=12)
  second = np.random.default_rng(1).random(N) < 0.1
  rare, second = rare & ~second, second & ~rare
  direction = np.random.default_rng(2).normal(size=16)
  features = look.features + 60 * np.outer(second, direction)
  look = look._replace(features=features)
  rng = np.random.default_rng(1)
  groups = clear_splits(components=6)(look, CLASSES, rng).groups
  for c in range(CLASSES):
    table = np.zeros((3, 3), int)
    own = look.labels == c
    np.add.at(table, (np.where(second, 2, rare)[own], groups[own]), 1)
    assert table.max(1).sum() > 0.98 * own.sum()
    assert sorted(table.argmax(1)) == [0, 1, 2]  # in an order that is not told
  assert clear_splits(2, components=6)(look, CLASSES, rng).groups.max() == 1


FINDERS = {
  'split': clear_splits(components=4),
  'kmeans': clusters(3),
  'blind': clusters(3, within_class=False, of='pixels'),
  'errors': clusters(2, of='errors'),
  'misread': misread(),
  'sparse': sparse(components=4),
}


def test_clear_splits_need_rows_for_each_component():
  look, _ = planted(0.1, gap=12)
  found = clear_splits(components=7)(look, CLASSES, np.random.default_rng(1))
  assert (found.groups == -1).all()
  assert np.isnan(found.separation).all()


@pytest.mark.parametrize('name', FINDERS)
def test_finders_are_deterministic_and_speak_of_every_row(name):
  look, _ = planted(0.1, gap=12)
  a, b = (
    FINDERS[name](look, CLASSES, np.random.default_rng(3)) for _ in range(2)
  )
  for x, y in zip(a, b, strict=True):
    np.testing.assert_array_equal(x, y)
  assert a.groups.shape == a.factors.shape == (N,)
  assert np.isfinite(a.factors).all()
  assert (a.factors > 0).all()


@pytest.mark.parametrize('name', FINDERS)
def test_a_class_of_one_row_is_no_error(name):
  look, _ = planted(0.1, gap=12)
  labels = np.zeros(N, int)
  labels[0] = 1
  found = FINDERS[name](
    look._replace(labels=labels), CLASSES, np.random.default_rng(3)
  )
  assert np.isfinite(found.factors).all()


def test_misread_rows_and_clusters_of_errors_are_the_planted_ones():
  look, rare = planted(0.2, gap=0)
  rng = np.random.default_rng(0)
  np.testing.assert_array_equal(misread()(look, CLASSES, rng).groups, rare)
  groups = clusters(2, of='errors')(look, CLASSES, rng).groups
  for c in range(CLASSES):
    own = look.labels == c
    same = (groups[own] == rare[own]).mean()
    assert max(same, 1 - same) == 1


def test_sparse_rows_are_those_that_lie_apart():
  look, rare = planted(0.05, gap=12)
  factors = sparse(components=4)(
    look, CLASSES, np.random.default_rng(0)
  ).factors
  assert factors[rare].mean() > 3 * factors[~rare].mean()


def test_a_finder_of_unknown_sight_names_those_there_are():
  with pytest.raises(UserError, match='features'):
    clusters(2, of='eyes')


def cue(seed: int = 0) -> tuple[np.ndarray, Measure, np.ndarray]:
  """Noise, with a bright row that says the class but for one in ten."""
  rng = np.random.default_rng(seed)
  labels = np.arange(N) % CLASSES
  rare = rng.random(N) < 0.1
  images = rng.integers(0, 60, (N, 6, 6, 1)).astype(np.uint8)
  place = np.where(labels ^ rare, 0, 5)
  images[np.arange(N), place] = 200
  images[:, 2:4, 2:4] += (labels * 12).astype(np.uint8)[:, None, None, None]
  return images, empirical(labels, CLASSES), rare


def view(images: np.ndarray, measure: Measure) -> DataView:
  return DataView(jnp.asarray(images), measure.cells, lambda: pytest.fail('no'))


def preprocess(images):
  return images.astype(jnp.float32) / 128 - 1


NET = networks.build('mlp', CLASSES)


def early(find, **options):
  net = probe(NET, optax.sgd(0.02, 0.9), (6, 6, 1), CLASSES, decay=0.9)
  return regroup(net, preprocess, CLASSES, find, batch_size=50, **options)


def test_a_cue_is_found_and_balanced_without_being_named():
  images, measure, rare = cue()
  found = chain(
    groups=early(clear_splits(components=6), steps=60),
    balance=balance(CLASSES, 2),
  )
  after, state = found.prepare(
    measure, found.init(SPEC), key=jax.random.key(0), data=view(images, measure)
  )
  share = float(after.weights[rare].sum() / after.weights.sum())
  assert 0.4 < share < 0.6  # of a tenth
  for c in range(CLASSES):
    own = np.asarray(measure.cells) == c
    np.testing.assert_allclose(after.weights[own].sum(), own.sum(), rtol=1e-4)
  assert int(state['groups'].done) == 1


def test_groups_stay_until_they_are_asked_again():
  images, measure, _ = cue()
  calls = []

  def find(
    look: FinderInputs, num_classes: int, rng: np.random.Generator
  ) -> GroupAssignment:
    calls.append(len(look.labels))
    n = len(look.labels)
    groups = rng.integers(0, 2, n)
    return GroupAssignment(groups, 1.0 + groups, np.full(num_classes, 2.0))

  for again in (False, True):
    t = early(find, steps=2, again=again)
    data = view(images, measure)
    first, state = t.prepare(
      measure, t.init(SPEC), key=jax.random.key(0), data=data
    )
    second, _ = t.prepare(first, state, key=jax.random.key(1), data=data)
    moved = not np.array_equal(first.weights, second.weights)
    assert moved == again
    # Factors do not pile up.
    assert float(second.weights.max() / second.weights.min()) < 2.3
  assert len(calls) == 3


def test_rows_that_do_not_count_are_not_looked_at():
  images, measure, _ = cue()
  weights = measure.weights.at[:100].set(0.0)
  seen = {}

  def find(
    look: FinderInputs, num_classes: int, rng: np.random.Generator
  ) -> GroupAssignment:
    del rng
    seen['n'] = len(look.labels)
    n = len(look.labels)
    return GroupAssignment(
      np.ones(n, int), np.ones(n), np.full(num_classes, np.nan)
    )

  t = early(find, steps=1)
  after, _ = t.prepare(
    Measure(measure.targets, weights, measure.cells, measure.groups),
    t.init(SPEC),
    key=jax.random.key(0),
    data=view(images, measure),
  )
  assert seen['n'] == N - 100
  assert (after.groups[:100] == -1).all()
  assert (after.groups[100:] == 1).all()
  assert (after.weights[:100] == 0).all()


def test_relative_difficulty_finds_rows_against_the_cue():
  images, measure, rare = cue()
  t = relative_difficulty(
    NET,
    optax.sgd(0.02, 0.9),
    (6, 6, 1),
    preprocess,
    CLASSES,
    steps=80,
    batch_size=50,
  )
  after, state = t.prepare(
    measure, t.init(SPEC), key=jax.random.key(0), data=view(images, measure)
  )
  w = np.asarray(after.weights)
  assert w[rare].mean() > 1.5 * w[~rare].mean()
  again, _ = t.prepare(
    after, state, key=jax.random.key(1), data=view(images, measure)
  )
  np.testing.assert_array_equal(again.weights, after.weights)
