"""A temperature changes confidences, and nothing else that is measured."""

from __future__ import annotations

from evaluation.evaluate_cases import CLASSES, NET, keys, toy
import numpy as np
import pytest

from rdd_jax.evaluation import calibration
from rdd_jax.evaluation.calibration import Calibrated, CalibrationRows
from rdd_jax.evaluation.evaluate import TestData, evaluate
from rdd_jax.evaluation.ood.detect import OODBenchmark, OODSet
from rdd_jax.images.preprocessing import standardize
from rdd_jax.training.fit import fit_in_turn
from rdd_jax.training.predict import predict
from rdd_jax.training.recipe import Recipe

RECIPE = Recipe(steps=8, learning_rate=0.05)
PREPROCESS = standardize([0.5], [0.5])


def rows(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
  batch = toy(n, seed)
  pixels = np.clip(60 * np.asarray(batch.inputs) + 100, 0, 255)
  return pixels.astype(np.uint8), np.asarray(batch.cells)


def judged(calibrate, diagram=lambda found: None) -> dict:
  images, labels = rows(90, 1)
  return evaluate(
    NET,
    toy(),
    TestData(images, labels),
    RECIPE,
    num_classes=CLASSES,
    preprocess=PREPROCESS,
    seeds=keys(2),
    ood=OODBenchmark(images, labels, (OODSet('noise', images[::-1] // 2),)),
    calibrate=calibrate,
    diagram=diagram,
  )


def test_a_temperature_changes_nothing_but_confidences():
  before, after = judged(None), judged(Calibrated(0.1))
  new = {'ece_calibrated', 'temperature'}
  assert after.keys() - before.keys() == new
  assert {k: v for k, v in after.items() if k not in new} == before
  assert after['ece_calibrated'] != before['ece']
  one = judged(Calibrated(1.0))
  assert one['ece_calibrated'] == before['ece']


def test_the_temperature_is_fitted_on_the_rows_of_all_networks():
  images, labels = rows(60, 2)
  noise = np.full((CLASSES, CLASSES), 0.05) + 0.85 * np.eye(CLASSES)
  fitted = CalibrationRows(images, labels, noise)
  variables = fit_in_turn(
    NET,
    toy(),
    RECIPE,
    num_classes=CLASSES,
    input_shape=images.shape[1:],
    seeds=keys(2),
    tell=lambda trained, left: None,
  )
  logits = predict(NET, variables, images, PREPROCESS)
  expected = calibration.shared_temperature(logits, labels, noise)
  found = {}
  row = judged(fitted, found.update)
  assert row['temperature']['values'] == pytest.approx([expected])
  tests, truth = rows(90, 1)
  z = predict(NET, variables, tests, PREPROCESS)
  errors = [calibration.ece(one / expected, truth) for one in z]
  assert row['ece_calibrated']['values'] == pytest.approx(errors)
  after = np.asarray(found['after']['accuracy'])
  gaps = np.abs(after - found['after']['confidence'])
  assert gaps @ found['after']['share'] == pytest.approx(errors[0])
