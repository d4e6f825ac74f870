"""Laws of what is handed on: how much, how wrong, and who must stay."""

from __future__ import annotations

import chex
import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
import numpy as np
import pytest

from rdd_jax.core.errors import UserError
from rdd_jax.robust.label_noise import select as module
from rdd_jax.robust.label_noise.select import Chosen, Selection, check, within

CLASSES, N = 4, 400
SEEDS = range(12)
FREE = Selection(least_kept=0.0, least_rows=0)
_select = jax.jit(module.select, static_argnames='num_groups')


def posteriors(seed: int, n: int = N) -> tuple[np.ndarray, np.ndarray]:
  """Sure or unsure rows, of right or wrong labels, and some of no chance."""
  rng = np.random.default_rng(seed)
  sure = rng.choice([0.3, 3.0, 30.0])
  truth = rng.integers(0, CLASSES, n)
  chance = rng.dirichlet(np.full(CLASSES, 0.3), n)
  chance = chance + sure * np.eye(CLASSES)[truth]
  chance /= chance.sum(1, keepdims=True)
  chance[rng.random(n) < 0.05] = 0.0
  wrong = rng.random(n) < rng.random() * 0.7
  return chance, np.where(wrong, rng.integers(0, CLASSES, n), truth)


def asked(
  chance: np.ndarray | list[np.ndarray],
  labels: np.ndarray,
  selection: Selection = Selection(),
  groups: np.ndarray | None = None,
  num_groups: int = 0,
) -> Chosen:
  models = chance if isinstance(chance, list) else [chance]
  found = _select(
    jnp.asarray(np.stack(models), jnp.float32),
    jnp.asarray(labels, jnp.int32),
    selection,
    None if groups is None else jnp.asarray(groups),
    num_groups,
  )
  return jax.tree.map(np.asarray, found)


def mine(chance: np.ndarray, labels: ArrayLike) -> np.ndarray:
  return chance[np.arange(len(chance)), np.asarray(labels)]


@pytest.mark.parametrize('seed', SEEDS)
def test_within_takes_rows_while_their_mean_allows(seed):
  rng = np.random.default_rng(seed)
  wrong, rows = rng.random(60), rng.random(60) < 0.7
  for allowed in (0.0, 0.1, 0.3, 1.0):
    taken = []
    for i in sorted(np.flatnonzero(rows), key=lambda i: wrong[i]):
      if np.mean(wrong[[*taken, i]]) > allowed:
        break
      taken.append(i)
    marks = within(jnp.asarray(wrong), jnp.asarray(rows), jnp.asarray(allowed))
    np.testing.assert_array_equal(np.flatnonzero(marks), np.sort(taken))


@pytest.mark.parametrize('seed', SEEDS)
@pytest.mark.parametrize('margin', [0.0, 0.5, 1.0])
def test_relabeled_rows_add_no_noise(seed, margin):
  chance, labels = posteriors(seed)
  found = asked(chance, labels, Selection(margin=margin, least_right=0.5))
  alone = found.doubt[found.trusted].mean() if found.trusted.any() else 0.0
  assert found.noise <= alone + 1e-6
  if found.relabeled.any():
    best = mine(chance, found.labels)[found.relabeled]
    assert (1 - best).mean() <= margin * alone + 1e-6


@pytest.mark.parametrize('seed', SEEDS)
@pytest.mark.parametrize('share', [0.0, 0.2, 0.7])
def test_no_more_noise_is_trusted_than_allowed(seed, share):
  chance, labels = posteriors(seed)
  selection = FREE._replace(share_of_noise=share, floor=0.02)
  found = asked(chance, labels, selection)
  allowed = max(share * float(found.given_noise), 0.02)
  assert found.noise <= allowed + 1e-6
  assert (mine(chance, labels)[found.trusted] >= 0.5).all()


@pytest.mark.parametrize('seed', SEEDS)
def test_fewer_rows_come_back_where_more_is_asked_of_them(seed):
  chance, labels = posteriors(seed)
  last = np.ones(N, bool)
  for least in (0.0, 0.3, 0.6, 0.9, 1.0, 1.1):
    found = asked(chance, labels, Selection(least_right=least, margin=1.0))
    assert (found.relabeled <= last).all()
    best = mine(chance, found.labels)[found.relabeled]
    assert (best >= least - 1e-6).all()
    last = found.relabeled
  assert not last.any()


@pytest.mark.parametrize('seed', SEEDS)
def test_rows_are_what_they_are_said_to_be(seed):
  chance, labels = posteriors(seed)
  found = asked(chance, labels, Selection(least_rows=N, least_right=0.0))
  nothing = chance.sum(1) == 0
  assert not (found.trusted | found.relabeled)[nothing].any()
  found = asked(chance, labels, Selection(least_right=0.5, margin=1.0))
  assert not (found.trusted | found.relabeled)[nothing].any()
  assert not (found.trusted & found.relabeled).any()
  np.testing.assert_array_equal(
    found.labels[found.trusted], labels[found.trusted]
  )
  others = chance.copy()
  others[np.arange(N), labels] = -1
  back = found.relabeled
  np.testing.assert_array_equal(found.labels[back], others[back].argmax(1))
  np.testing.assert_allclose(found.doubt, 1 - mine(chance, labels), atol=1e-5)
  known = ~nothing
  np.testing.assert_allclose(
    found.given_noise, found.doubt[known].mean(), rtol=1e-5
  )
  on = found.trusted | back
  wrong = 1 - mine(chance, found.labels)[on]
  np.testing.assert_allclose(found.noise, wrong.mean(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize('seed', SEEDS)
def test_rows_come_back_by_what_all_models_grant(seed):
  chance, labels = posteriors(seed)
  rng = np.random.default_rng(seed)
  blur = np.where(rng.random((N, 1)) < 0.5, 1, rng.random((N, 1)))
  other = blur * chance + (1 - blur) / CLASSES
  selection = Selection(least_right=0.6, margin=1.0)
  alone = asked(chance, labels, selection)
  same = asked([chance, chance], labels, selection)
  chex.assert_trees_all_equal(same, alone)
  found = asked([chance, other], labels, selection)
  np.testing.assert_array_equal(found.trusted, alone.trusted)
  back = found.relabeled
  least = np.minimum(*(mine(p, found.labels)[back] for p in (chance, other)))
  assert (least >= 0.6 - 1e-6).all()
  if back.any():
    noise = alone.doubt[alone.trusted].mean()
    assert (1 - least).mean() <= noise + 1e-6


@pytest.mark.parametrize('seed', SEEDS)
def test_noise_is_counted_by_what_is_said_to_be_right(seed):
  chance, labels = posteriors(seed)
  best = mine(chance, labels)
  right = best * np.random.default_rng(seed).random(N)
  found = _select(
    jnp.asarray(chance, jnp.float32)[None],
    jnp.asarray(labels, jnp.int32),
    FREE._replace(least_right=1.1),
    right=jnp.asarray(right, jnp.float32),
  )
  found = jax.tree.map(np.asarray, found)
  known = chance.sum(1) > 0
  given = (1 - right)[known].mean()
  np.testing.assert_allclose(found.given_noise, given, rtol=1e-4)
  on = found.trusted
  if on.any():
    np.testing.assert_allclose(found.noise, (1 - right)[on].mean(), rtol=1e-4)
    assert found.noise <= max(0.2 * given, 0.02) + 1e-6
    # The best rows first, by the model and not by the count.
    assert best[on].min() >= best[known & ~on].max(initial=0.0) - 1e-6
  # As many as are allowed: the next one would be too many.
  out = np.flatnonzero(known & ~on & (best >= 0.5))
  if len(out):
    after = [*np.flatnonzero(on), *out]
    order = sorted(after, key=lambda i: -best[i])
    means = np.cumsum((1 - right)[order]) / np.arange(1, len(order) + 1)
    assert (means[on.sum() :] > max(0.2 * given, 0.02) - 1e-6).all()


def test_clean_labels_stay():
  rng = np.random.default_rng(0)
  labels = rng.integers(0, CLASSES, N)
  sure = 1 - rng.exponential(0.005, N).clip(max=0.6)
  chance = (1 - sure)[:, None] / (CLASSES - 1) * np.ones((N, CLASSES))
  chance[np.arange(N), labels] = sure
  assert asked(chance, labels, FREE).trusted.mean() >= 0.97
  assert asked(chance, labels).trusted.mean() >= 0.97


@pytest.mark.parametrize('seed', SEEDS)
def test_each_class_keeps_its_share_and_its_rows(seed):
  chance, labels = posteriors(seed)
  labels[labels == 3] = 2
  labels[:7] = 3  # a class of few rows
  selection = Selection(least_kept=0.8, least_rows=15)
  found = asked(chance, labels, selection)
  chances, known = mine(chance, labels), chance.sum(1) > 0
  for c in range(CLASSES):
    of = labels == c
    kept = chances[of & found.trusted].sum()
    assert kept >= 0.8 * chances[of].sum() - 1e-4
    assert (of & found.trusted).sum() >= min(15, (of & known).sum())
    # The best of a class come first.
    out = chances[of & known & ~found.trusted]
    assert chances[of & found.trusted].min() >= out.max(initial=0.0)


def grouped(share: float = 0.14) -> tuple[np.ndarray, ...]:
  """A group, of the noise of all others, that a probe knows less well."""
  rng = np.random.default_rng(0)
  labels = np.arange(800) % 2
  p = [0.84 - share, share, 0.08, 0.08]
  groups = rng.choice([0, 1, -1, 7], 800, p=p)
  right = rng.random(800) < 0.7
  sure = np.where(right, 0.97, 0.03) + rng.uniform(-0.02, 0.02, 800)
  unsure = np.where(right, 0.4, 0.1) + rng.uniform(-0.05, 0.05, 800)
  p = np.where(groups == 1, unsure, sure)
  chance = np.where(labels[:, None] == [0, 1], p[:, None], 1 - p[:, None])
  return chance, labels, groups, right


@pytest.mark.parametrize('share', [0.14, 0.5])
def test_groups_that_are_known_are_trusted_as_much_as_the_best_known(share):
  """As much as the group that is trusted most, to a row."""
  chance, labels, groups, right = grouped(share)
  less = Selection(least_kept=0.65)
  without = asked(chance, labels, less)
  found = asked(chance, labels, less, groups, 2)
  assert not without.trusted[groups == 1].any()
  for c in range(2):
    known, few = (found.trusted[(labels == c) & (groups == g)] for g in (0, 1))
    assert abs(few.mean() - known.mean()) <= 1 / len(few)
    for g in range(2):
      of = (labels == c) & (groups == g) & found.trusted
      assert right[of].mean() >= 0.9
  # Those of no group are as they were.
  none = (groups != 0) & (groups != 1)
  np.testing.assert_array_equal(found.trusted[none], without.trusted[none])
  assert (found.trusted >= without.trusted).all()
  alone = asked(chance, labels, less, 0 * groups, 2)
  np.testing.assert_array_equal(alone.trusted, without.trusted)


@pytest.mark.parametrize('seed', [0, 1, 2])
def test_order_of_rows_and_names_of_classes_do_not_matter(seed):
  chance, labels = posteriors(seed)
  found = asked(chance, labels)
  order = np.random.default_rng(seed).permutation(N)
  moved = asked(chance[order], labels[order])
  known = chance.sum(1) > 0
  for ours, theirs in zip(found[:3], moved[:3], strict=True):
    np.testing.assert_array_equal(
      ours[order][known[order]], theirs[known[order]]
    )
  name = np.array([2, 0, 3, 1])
  renamed = asked(chance[:, np.argsort(name)], name[labels])
  np.testing.assert_array_equal(renamed.trusted, found.trusted)
  np.testing.assert_array_equal(renamed.relabeled, found.relabeled)
  on = found.trusted | found.relabeled
  np.testing.assert_array_equal(renamed.labels[on], name[found.labels[on]])


@pytest.mark.parametrize('field', Selection._fields)
def test_bad_selections_say_which_number_is_bad(field):
  check(Selection())
  check(Selection()._replace(**{field: 0}))
  bad = [-0.1, float('nan')]
  if field != 'least_rows':
    bad.append(2.5 if field == 'least_right' else 1.5)
  for value in bad:
    with pytest.raises(UserError, match=field):
      check(Selection()._replace(**{field: value}))
