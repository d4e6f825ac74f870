"""The guarded energy: what it may cost, and where its limit comes from."""

from __future__ import annotations

from evaluation.evaluate_cases import keys, toy
import numpy as np
import pytest

from rdd_jax import networks
from rdd_jax.evaluation.calibration import Calibrated, CalibrationRows
from rdd_jax.evaluation.evaluate import TestData, evaluate
from rdd_jax.evaluation.ood import guarded, scores
from rdd_jax.evaluation.ood.detect import OODBenchmark, OODSet
from rdd_jax.evaluation.ood.metrics import auroc
from rdd_jax.images.preprocessing import standardize
from rdd_jax.training.recipe import Recipe


@pytest.mark.parametrize('shift', [-2.0, 0.0, 2.0])
@pytest.mark.parametrize('farther', [-3.0, 0.0, 3.0])
def test_it_costs_no_more_than_the_rows_beyond_the_limit(shift, farther):
  rng = np.random.default_rng(0)
  energy, far = rng.normal(size=500), np.exp(rng.normal(size=500))
  energy += far  # those beyond the limit are the surest of all
  others = shift + rng.normal(size=400), np.exp(farther + rng.normal(size=400))
  limit = guarded.limit([far])
  own = guarded.guarded(energy, far, limit)
  theirs = guarded.guarded(*others, limit)
  beyond = np.mean(far > limit)
  assert beyond == pytest.approx(guarded.SHARE, abs=1 / 500)
  assert auroc(own, theirs) >= auroc(energy, others[0]) - beyond
  caught = np.mean(others[1] > limit)
  assert auroc(own, theirs) >= caught * (1 - beyond)


def test_rows_within_keep_the_order_of_the_energy_and_stand_above_the_rest():
  energy = np.array([1e3, -1e3, 0.5, 0.25, 1e6, -7.0])
  far = np.array([1.0, 2.0, 0.0, 2.0, 2.1, 50.0])
  found = guarded.guarded(energy, far, 2.0)
  assert list(np.argsort(found)) == [5, 4, 1, 3, 2, 0]
  unlimited = guarded.guarded(energy, far, np.inf)
  assert list(np.argsort(unlimited)) == list(np.argsort(energy))


def test_what_is_no_number_stays_so_and_is_not_in_the_limit():
  energy, far = np.array([np.nan, 1.0, 1.0]), np.array([1.0, np.nan, 9.0])
  found = guarded.guarded(energy, far, 2.0)
  assert list(np.isnan(found)) == [True, True, False]
  far = np.arange(101.0)
  assert guarded.limit([far, np.array([np.nan])]) == guarded.limit([far])
  assert guarded.limit([np.array([np.nan])]) == 0


def test_a_limit_that_was_fitted_before_gives_the_same_numbers():
  batch = toy(24)
  classes = batch.targets.shape[1]
  rng, shape = np.random.default_rng(1), batch.inputs.shape[1:]
  images = rng.integers(0, 256, (90, *shape), np.uint8)
  labels = np.arange(90) % classes

  def judged(calibrate):
    return evaluate(
      networks.build('convnet', classes, width=4, depth=1),
      batch,
      TestData(images, labels),
      Recipe(steps=3, learning_rate=0.05),
      num_classes=classes,
      preprocess=standardize([0.5], [0.5]),
      seeds=keys(2),
      ood=OODBenchmark(images, labels, (OODSet('half', images // 2),)),
      calibrate=calibrate,
    )

  first = judged(CalibrationRows(images, labels))
  limit = first['statistics_limit']['mean']
  again = judged(Calibrated(first['temperature']['mean'], limit))
  assert {k: again[k] for k in again} == {
    k: first[k] for k in first if k != 'statistics_limit'
  }
  assert 'auroc_guarded@half' in first
  assert not any('guarded' in name for name in judged(Calibrated(1.0)))


def test_a_reject_logit_has_no_say():
  rng = np.random.default_rng(0)
  logits, features = rng.normal(size=(40, 4)), rng.normal(size=(40, 2))
  rows = scores.Outputs(logits, features, rng.normal(size=(40, 3)))
  cells, ones = np.arange(40) % 3, np.ones(40)
  reference = scores.fit(features, cells, ones, 3)
  usual = scores.typical(rows, cells, ones, 3, reference)
  with_one, without = (
    scores.score_all(r, 3, reference, usual, limit=4.0)['guarded']
    for r in (rows, rows._replace(logits=logits[:, :3]))
  )
  np.testing.assert_array_equal(with_one, without)
