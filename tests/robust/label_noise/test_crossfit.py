"""Laws of cross-fitting: who is dealt where, and who is asked of what."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.linear_model import Ridge
from threadpoolctl import threadpool_limits

from rdd_jax.robust.label_noise import crossfit
from rdd_jax.robust.label_noise.crossfit import FOLDS, LARGE, RIDGES, Scores

KEY = jax.random.key(0)
CLASSES, N, D = 3, 201, 30


@pytest.fixture(autouse=True, scope='module')
def one_thread() -> Iterator[None]:
  """Threads of a solver wait for each other where cores are busy."""
  with threadpool_limits(1):
    yield


def case(n: int = N, d: int = D) -> tuple[np.ndarray, np.ndarray]:
  """Centered features of different scales, and labels that follow them."""
  rng = np.random.default_rng(0)
  x = rng.normal(size=(n, d)) * np.linspace(0.2, 2, d)
  logits = x @ rng.normal(size=(d, CLASSES)) + rng.gumbel(size=(n, CLASSES))
  return x - x.mean(0), logits.argmax(1)


def dealt(labels: np.ndarray, key=KEY) -> jax.Array:
  return crossfit.folds(key, jnp.asarray(labels)).rows


@functools.cache
def compiled(ridges: tuple[float, ...], large: int) -> Callable[..., Scores]:
  """The probe as it is with other constants, one program for each."""
  del ridges, large
  return jax.jit(lambda x, y, rows: crossfit.probe(x, y, rows, CLASSES))


def asked(
  x: np.ndarray,
  labels: np.ndarray,
  rows: jax.Array,
  *ridges: float,
  large: int = LARGE,
) -> Scores:
  ridges = ridges or RIDGES
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(crossfit, 'RIDGES', ridges)
    patch.setattr(crossfit, 'LARGE', large)
    probe = compiled(ridges, large)
    return probe(jnp.asarray(x, jnp.float32), jnp.asarray(labels), rows)


def members(rows: jax.Array, n: int = N) -> list[np.ndarray]:
  return [np.asarray(fold)[np.asarray(fold) < n] for fold in rows]


@pytest.mark.parametrize('n', [2, 3, 8, 101, 1000])
def test_folds_part_the_rows_and_each_label(n):
  labels = np.random.default_rng(n).choice(4, n, p=[0.6, 0.3, 0.08, 0.02])
  found = crossfit.folds(KEY, jnp.asarray(labels))
  rows = np.asarray(found.rows)
  assert rows.shape == (FOLDS, -(-n // FOLDS))
  np.testing.assert_array_equal(np.sort(rows.ravel())[:n], np.arange(n))
  assert (np.sort(rows.ravel())[n:] == n).all()
  counts = [np.bincount(labels[i], minlength=4) for i in members(found.rows, n)]
  assert np.ptp(counts, axis=0).max() <= 1
  first, second = np.asarray(found.halves)
  assert len(first) == len(second) == n // 2
  assert len(np.union1d(first, second)) == n // 2 * 2
  halves = [np.bincount(labels[i], minlength=4) for i in (first, second)]
  assert np.ptp(halves, axis=0).max() <= 1
  assert set(first) <= set(rows[0::2].ravel())
  assert set(second) <= set(rows[1::2].ravel())


def test_folds_are_random():
  """Each row meets each fold, and no two rows always go together."""
  labels = jnp.repeat(jnp.arange(2), 16)
  keys = jax.random.split(KEY, 200)
  rows = jax.vmap(lambda key: crossfit.folds(key, labels).rows)(keys)
  where = np.zeros((200, 32), int)
  for trial, of_trial in enumerate(rows):
    for fold, of in enumerate(members(of_trial, 32)):
      where[trial, of] = fold
  for fold in range(FOLDS):
    share = (where == fold).mean(0)
    assert (np.abs(share - 1 / FOLDS) < 0.15).all()
  together = (where[:, :, None] == where[:, None]).mean(0)
  assert (together[~np.eye(32, dtype=bool)] < 0.5).all()


@pytest.mark.parametrize('ridge', [0.01, 1.0])
def test_scores_are_those_of_scikit_learn(ridge):
  x, labels = case()
  rows = dealt(labels)
  found = asked(x, labels, rows, ridge)
  targets = np.eye(CLASSES)[labels]
  share = targets.mean(0)
  expected = np.zeros_like(targets)
  alpha = ridge * (x**2).sum() / D
  for fold in members(rows):
    others = np.setdiff1d(np.arange(N), fold)
    theirs = Ridge(alpha, fit_intercept=False)
    theirs.fit(x[others], targets[others] - share)
    expected[fold] = theirs.predict(x[fold]) + share
  np.testing.assert_allclose(found.scores, expected, atol=1e-4)
  np.testing.assert_allclose(found.scores.sum(1), 1, atol=1e-4)
  error = ((expected - targets) ** 2).sum(1).mean()
  np.testing.assert_allclose(found.error, error, rtol=1e-4)
  agreement = (expected.argmax(1) == labels).mean()
  np.testing.assert_allclose(found.agreement, agreement, atol=1 / N)
  assert found.ridge == np.float32(ridge)


@pytest.mark.parametrize('large', [D - 1, D])
def test_probes_of_one_fold_each_differ_as_those_of_scikit_learn(large):
  x, labels = case()
  rows = dealt(labels)
  found = asked(x, labels, rows, 0.1, large=large)
  targets = np.eye(CLASSES)[labels]
  share = targets.mean(0)
  alpha = 0.1 * (x**2).sum() / D
  folds = members(rows)
  models = []
  for fold in folds:
    model = Ridge(alpha, fit_intercept=False)
    models.append(model.fit(x[fold], targets[fold] - share))
  off = []
  for i in range(FOLDS if large >= D else 1):
    said = [
      (models[j].predict(x[folds[i]]) + share).argmax(1)
      for j in range(FOLDS)
      if j != i
    ]
    a, b, c = said
    off += [((a != b) * 1.0 + (a != c) + (b != c)) / 3]
  expected = np.concatenate(off).mean()
  assert expected > 0.05
  np.testing.assert_allclose(found.disagreement, expected, atol=1 / N)


def test_no_row_is_asked_of_a_probe_that_trained_on_it():
  x, labels = case()
  rows = dealt(labels)
  before = np.asarray(asked(x, labels, rows, 1.0).scores)
  rng = np.random.default_rng(0)
  for fold in members(rows):
    moved = labels.copy()
    moved[fold] = rng.permutation(labels[fold])
    after = np.asarray(asked(x, moved, rows, 1.0).scores)
    np.testing.assert_allclose(after[fold], before[fold], atol=1e-5)
    others = np.setdiff1d(np.arange(N), fold)
    assert (np.abs(after[others] - before[others]).max(1) > 1e-4).mean() > 0.95


@pytest.mark.parametrize('d', [90, 300])
def test_more_features_than_rows_are_the_kernels_solution(d):
  """The dual of the same ridge, of rows alone."""
  n, ridge = 90, 0.3
  x, labels = case(n, d)
  rows = dealt(labels)
  targets = np.eye(CLASSES)[labels]
  share = targets.mean(0)
  kernel = x @ x.T
  alpha = ridge * np.trace(kernel) / n
  expected = np.zeros_like(targets)
  for fold in members(rows, n):
    others = np.setdiff1d(np.arange(n), fold)
    inner = kernel[np.ix_(others, others)] + alpha * np.eye(len(others))
    found = np.linalg.solve(inner, targets[others] - share)
    expected[fold] = kernel[np.ix_(fold, others)] @ found + share
  found = asked(x, labels, rows, ridge).scores
  np.testing.assert_allclose(found, expected, atol=1e-3)


def test_units_and_rotations_of_features_do_not_matter():
  x, labels = case()
  rows = dealt(labels)
  found = asked(x, labels, rows)
  turn, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(D, D)))
  for other in (100 * x, x @ turn):
    again = asked(other, labels, rows)
    np.testing.assert_allclose(again.scores, found.scores, atol=1e-3)
    assert again.ridge == found.ridge


@pytest.mark.parametrize('large', [D - 1, D])
def test_the_ridge_is_that_of_the_least_error(large):
  """Of all folds, or of the first alone where features are many."""
  x, labels = case()
  rows = dealt(labels)
  targets = np.eye(CLASSES)[labels]
  compared = members(rows)[0] if large < D else np.arange(N)
  ridges = 0.01, 0.3, 1.0, 10.0
  rng = np.random.default_rng(0)
  chosen = set()
  for noise in (0.0, 0.3, 0.6, 0.9):
    wrong = rng.random(N) < noise
    given = np.where(wrong, rng.integers(0, CLASSES, N), labels)
    targets = np.eye(CLASSES)[given]
    errors = [
      ((asked(x, given, rows, r).scores - targets)[compared] ** 2).sum()
      for r in ridges
    ]
    found = asked(x, given, rows, *ridges, large=large)
    assert found.ridge == np.float32(ridges[int(np.argmin(errors))])
    chosen.add(float(found.ridge))
  assert len(chosen) > 1


@pytest.mark.parametrize('d', [D, N + 9])
def test_features_that_say_nothing_give_the_shares_of_labels(d):
  _, labels = case()
  found = asked(np.zeros((N, d)), labels, dealt(labels), 1.0)
  share = np.bincount(labels, minlength=CLASSES) / N
  np.testing.assert_allclose(found.scores, np.tile(share, (N, 1)), atol=1e-6)
  assert np.isfinite(found.error)
