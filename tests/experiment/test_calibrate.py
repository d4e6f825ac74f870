"""Rows that temperatures are fitted on, and cards that hold a temperature."""

from __future__ import annotations

from dataclasses import replace

import chex
import numpy as np
import pytest
from scipy import special
from sklearn.metrics import confusion_matrix

import rdd_jax
from rdd_jax import data
from rdd_jax.artifact import store
from rdd_jax.core.errors import UserError
from rdd_jax.evaluation import calibration
from rdd_jax.experiment import calibrate
from rdd_jax.robust.label_noise import record

DIGITS = data.load('digits')
ROWS = np.argsort(DIGITS.train_labels, kind='stable')[::60]
TESTS = DIGITS.test_images[:80], DIGITS.test_labels[:80]


@pytest.fixture(scope='module')
def artifact() -> rdd_jax.Distilled:
  return rdd_jax.adopt(
    DIGITS.train_images[ROWS],
    DIGITS.train_labels[ROWS],
    DIGITS,
    network='mlp:width=16',
    evaluation={'epochs': 30, 'learning_rate': 0.05},
  )


def with_temperature(artifact, t) -> rdd_jax.Distilled:
  card = {**artifact.card, 'calibration': {'temperature': t}}
  return replace(artifact, card=card)


def test_a_draw_takes_a_share_of_each_class_from_the_rows_it_may():
  rng = np.random.default_rng(0)
  labels, among = rng.integers(0, 5, 4000), rng.random(4000) < 0.7
  rows = calibrate.draw(labels, among, 1000)
  assert among[rows].all()
  share = np.bincount(labels[among]) / among.sum()
  assert np.abs(np.bincount(labels[rows]) - 1000 * share).max() <= 1
  np.testing.assert_array_equal(rows, calibrate.draw(labels, among, 1000))


def test_a_draw_takes_no_row_twice():
  labels = np.arange(50) % 3
  for n in (7, 50, 80):
    rows = calibrate.draw(labels, np.ones(50, bool), n)
    assert len(set(rows.tolist())) == len(rows) == min(n, 50)
  assert not len(calibrate.draw(labels, np.zeros(50, bool)))


def test_noise_is_the_confusion_of_true_labels_by_those_given():
  rng = np.random.default_rng(0)
  true = rng.integers(0, 4, 900)
  given = np.where(rng.random(900) < 0.3, (true + 1) % 4, true)
  found = calibrate.noise_of(given, true, 5)
  expected = confusion_matrix(true, given, normalize='true')
  np.testing.assert_allclose(found[:4, :4], expected)
  np.testing.assert_array_equal(found[4], np.eye(5)[4])
  np.testing.assert_array_equal(calibrate.noise_of(true, true, 4), np.eye(4))


def test_the_noise_that_a_chain_found_is_kept_and_none_without(tmp_path):
  given = DIGITS.train_labels
  trusted = np.arange(len(given)) % 3 > 0
  state = record.fresh(len(given), 1)._replace(
    round=np.int32(1),
    trusted=trusted[None],
    proposed=((given + 1) % 10).astype(np.int32),
  )
  calibrate.write(tmp_path, DIGITS, {'trust': state})
  noise = np.load(tmp_path / calibrate.FILE)['noise']
  proposed = np.where(trusted, given, (given + 1) % 10)
  np.testing.assert_array_equal(noise, calibrate.noise_of(given, proposed, 10))
  calibrate.write(tmp_path, DIGITS, {})
  assert not (tmp_path / calibrate.FILE).exists()


def test_rows_of_a_coreset_are_not_those_that_it_is_calibrated_on(artifact):
  some = replace(
    artifact,
    card={**artifact.card, 'examples': DIGITS.example_names(ROWS)},
  )
  found = calibrate.given(DIGITS, some)
  pixels = found.images.reshape(len(found.images), -1)
  own = DIGITS.train_images[ROWS].reshape(len(ROWS), -1)
  assert not (pixels[:, None] == own[None]).all(-1).any()
  assert found.noise is None


def test_a_card_of_its_age_loads_and_one_with_a_temperature(artifact, tmp_path):
  store.save(tmp_path / 'old', artifact)
  assert 'calibration' not in store.load(tmp_path / 'old').card
  store.save(tmp_path / 'new', with_temperature(artifact, 0.5))
  found = store.load(tmp_path / 'new')
  assert found.card['calibration']['temperature'] == 0.5
  for wrong in (0, -1.0, 'warm'):
    store.save(tmp_path / 'bad', with_temperature(artifact, wrong))
    with pytest.raises(UserError, match='it is a number above 0'):
      store.load(tmp_path / 'bad')
  for wrong in (-1.0, 'far'):
    found.card['calibration']['statistics_limit'] = wrong
    store.save(tmp_path / 'bad', found)
    with pytest.raises(UserError, match='a number from 0'):
      store.load(tmp_path / 'bad')


def test_the_temperature_of_a_card_is_used_by_fit_and_judge(artifact):
  warm = with_temperature(artifact, 0.25)
  fitted, plain = (rdd_jax.fit('', a, seed=1) for a in (warm, artifact))
  chex.assert_trees_all_equal(fitted.variables, plain.variables)
  logits = plain.logits(TESTS[0])
  np.testing.assert_array_equal(fitted.logits(TESTS[0]), logits)
  np.testing.assert_allclose(
    fitted.probabilities(TESTS[0]),
    special.softmax(np.float64(logits) / 0.25, -1),
  )
  np.testing.assert_allclose(
    plain.probabilities(TESTS[0]), special.softmax(np.float64(logits), -1)
  )
  row = rdd_jax.judge(warm, *TESTS, seeds=1, seed=1)
  expected = calibration.ece(logits / 0.25, TESTS[1])
  assert row['ece_calibrated']['mean'] == pytest.approx(expected)
  before = rdd_jax.judge(artifact, *TESTS, seeds=1, seed=1)
  assert before == {k: row[k] for k in before}


def test_a_temperature_is_of_one_network_and_one_recipe(artifact):
  warm = with_temperature(artifact, 0.25)
  for options in ({'net': 'mlp:width=8'}, {'epochs': 5}):
    row = rdd_jax.judge(warm, *TESTS, seeds=1, **options)
    assert 'ece_calibrated' not in row
    assert (
      rdd_jax.fit(
        options.get('net', ''), warm, epochs=options.get('epochs')
      ).temperature
      == 1
    )
