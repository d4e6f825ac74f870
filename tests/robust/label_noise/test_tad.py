"""Laws of trust-aware diversion: on digits, and where hardly anything is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from rdd_jax.core.errors import UserError
from rdd_jax.core.measure import Measure, empirical
from rdd_jax.core.transform import DataSpec, DataView, Tell, untold
from rdd_jax.data import corrupt, load
from rdd_jax.robust import trust_aware
from rdd_jax.robust.label_noise.metrics import Evidence, evidence
from rdd_jax.robust.label_noise.record import LEFT_OUT, DivertState
from rdd_jax.robust.label_noise.select import Selection

KEY = jax.random.key(1)
DIGITS = load('digits')
TRUTH = np.asarray(DIGITS.train_labels)
N, CLASSES = len(TRUTH), 10
NOISES = ('symmetric-0.4', 'pair-0.4')
FEW = np.flatnonzero(TRUTH < 3)[:300]  # three digits, for what is small
IMAGES, SMALL = DIGITS.train_images[FEW], TRUTH[FEW]


@pytest.fixture(autouse=True, scope='module')
def one_thread() -> Iterator[None]:
  """Threads of a solver wait for each other where cores are busy."""
  with threadpool_limits(1):
    yield


def unasked():
  return pytest.fail('unasked')


def prepared(
  transform,
  images: np.ndarray,
  given: np.ndarray,
  k: int,
  *,
  measure: Measure | None = None,
  state: DivertState | None = None,
  tell: Tell = untold,
) -> tuple[Measure, DivertState]:
  measure = empirical(given, k) if measure is None else measure
  if state is None:
    state = transform.init(DataSpec(len(given), k, k, k, 0))
  labels = jnp.asarray(given, jnp.int32)
  data = DataView(jnp.asarray(images), labels, unasked, tell)
  return transform.prepare(measure, state, key=KEY, data=data)


@pytest.fixture(scope='module')
def divided() -> dict[str, tuple[np.ndarray, Measure, DivertState]]:
  """Digits, of each noise, after their division."""
  found = {}
  for noise in ('clean', *NOISES):
    given = TRUTH
    if noise != 'clean':
      given = np.asarray(corrupt(DIGITS, noise, KEY).train_labels)
    transform = trust_aware(CLASSES, size=64)
    found[noise] = (
      given,
      *prepared(transform, DIGITS.train_images, given, CLASSES),
    )
  return found


def known(state: DivertState, given: np.ndarray) -> Evidence:
  return evidence(state, given, TRUTH)


@pytest.mark.parametrize('noise', NOISES)
def test_noise_is_what_it_is_estimated_to_be(divided, noise):
  given, _, state = divided[noise]
  as_given, handed_on = state.expected.tolist()
  wrong = (given != TRUTH).mean()
  assert abs(as_given - wrong) <= (0.05 if noise == 'pair-0.4' else 0.03)
  assert abs(handed_on - known(state, given).noise[0]) <= 0.03


@pytest.mark.parametrize('noise', NOISES)
def test_at_most_a_quarter_of_the_noise_is_handed_on(divided, noise):
  given, measure, state = divided[noise]
  found = known(state, given)
  assert found.noise[0] <= 0.25 * (given != TRUTH).mean()
  assert found.recall[0] >= 0.85
  assert found.relabelled[0] >= 0.9
  assert (measure.weights > 0).mean() >= 0.6


def test_whoever_waits_is_told_and_no_bit_changes():
  transform, told = trust_aware(3, size=8), []

  def tell(stage: str, done: int, total: int) -> None:
    assert 0 <= done <= total
    told.append((stage, done == total))

  quiet = prepared(transform, IMAGES, SMALL, 3)
  loud = prepared(transform, IMAGES, SMALL, 3, tell=tell)
  chex.assert_trees_all_equal(quiet, loud)
  stages = list(dict.fromkeys(stage for stage, _ in told))
  assert len(stages) == 5
  assert all((stage, True) in told for stage in stages)


def test_clean_digits_stay(divided):
  _, measure, state = divided['clean']
  assert np.asarray(state.trusted[0]).mean() >= 0.97
  stay = np.asarray(measure.cells == TRUTH) & (np.asarray(measure.weights) > 0)
  assert stay.mean() >= 0.97
  assert state.expected[0] <= 0.015


@pytest.mark.parametrize('noise', ['clean', *NOISES])
def test_the_measure_is_what_the_state_says(divided, noise):
  given, measure, state = divided[noise]
  labels, trusted = np.asarray(state.labels[0]), np.asarray(state.trusted[0])
  out = labels == LEFT_OUT
  back = ~out & ~trusted
  np.testing.assert_array_equal(measure.weights, np.where(out, 0.0, 1.0))
  np.testing.assert_array_equal(state.mass[0], measure.weights)
  cells = np.asarray(measure.cells)
  np.testing.assert_array_equal(cells[~back], given[~back])
  np.testing.assert_array_equal(cells[back], labels[back])
  assert (cells[back] != given[back]).all()
  np.testing.assert_array_equal(measure.targets, np.eye(CLASSES)[cells])
  np.testing.assert_array_equal(measure.groups, np.full(N, -1))
  if noise != 'clean':
    assert back.any()
    assert out.any()
  # Each digit keeps rows.
  assert (np.bincount(cells[~out], minlength=CLASSES) >= 20).all()


def test_a_later_preparation_repeats_the_first(divided):
  given, measure, state = divided['symmetric-0.4']
  transform = trust_aware(CLASSES, size=64)
  as_given = empirical(given, CLASSES)
  # What a checkpoint holds is all that matters.
  kept = jax.tree.map(jnp.array, jax.tree.map(np.array, state))
  for before in (measure, as_given):
    again, after = prepared(
      transform,
      DIGITS.train_images,
      given,
      CLASSES,
      measure=before,
      state=kept,
    )
    chex.assert_trees_all_equal(again, measure)
    chex.assert_trees_all_equal(after, state)


def small(
  given: np.ndarray, images: np.ndarray = IMAGES, k: int = 3, **options
) -> tuple[Measure, DivertState]:
  transform = trust_aware(k, size=16)
  return prepared(transform, images, given, k, **options)


def require_sound(measure: Measure, state: DivertState) -> None:
  chex.assert_tree_all_finite((measure, state))
  weights = np.asarray(measure.weights)
  assert np.isin(weights, [0, 1]).all()
  assert weights.any()
  np.testing.assert_allclose(measure.targets[:].sum(1), 1)


def test_a_reject_output_gets_no_target():
  given = np.where(np.arange(300) % 4 == 0, (SMALL + 1) % 3, SMALL)
  plain, _ = small(given)
  measure, _ = small(given, measure=empirical(given, 4))
  assert measure.targets.shape == (300, 4)
  np.testing.assert_array_equal(measure.targets[:, 3], 0)
  np.testing.assert_array_equal(measure.targets[:, :3], plain.targets[:])


def test_rows_that_were_left_out_before_stay_out():
  measure = empirical(SMALL, 3)
  weights = measure.weights.at[:50].set(0.0).at[50:].set(2.0)
  found, state = small(SMALL, measure=replace(measure, weights=weights))
  on = np.asarray(state.labels[0]) != LEFT_OUT
  np.testing.assert_array_equal(found.weights, np.where(on, weights, 0))
  np.testing.assert_array_equal(found.weights, state.mass[0])
  assert (found.weights[50:] == 2).mean() >= 0.97


def test_a_class_of_three_rows_is_kept():
  given = np.where(SMALL == 2, 1, SMALL)
  given[np.flatnonzero(SMALL == 2)[:3]] = 2
  measure, state = small(given)
  require_sound(measure, state)
  assert np.asarray(state.trusted[0])[given == 2].all()


def test_a_single_class_is_trusted():
  measure, state = small(np.zeros(300, int), k=1)
  require_sound(measure, state)
  assert np.asarray(state.trusted[0]).all()
  np.testing.assert_allclose(state.expected, 0, atol=1e-6)


def test_a_class_without_a_right_label_is_sound():
  """Every row called 0 is a 1, and all zeros are called 2."""
  given = np.array([2, 0, 2])[SMALL]
  measure, state = small(given)
  require_sound(measure, state)
  assert np.asarray(state.trusted[0])[given == 0].sum() >= 20


def test_a_class_without_labels_is_sound():
  given = np.where(SMALL == 2, 1, SMALL)
  require_sound(*small(given))


@pytest.mark.parametrize('noisy', [False, True])
def test_constant_images_are_sound(noisy):
  images = np.full_like(IMAGES, 99)
  given = np.random.default_rng(0).integers(0, 3, 300) if noisy else SMALL
  measure, state = small(given, images)
  require_sound(measure, state)
  trusted = np.asarray(state.trusted[0])
  for c in range(3):
    assert trusted[given == c].sum() >= 20


def test_bad_options_say_what_is_bad():
  with pytest.raises(UserError, match='size=0'):
    trust_aware(3, size=0)
  with pytest.raises(UserError, match='margin'):
    trust_aware(3, Selection(margin=2.0))
