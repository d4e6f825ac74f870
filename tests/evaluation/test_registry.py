"""Every metric that is measured is in the registry, once."""

from __future__ import annotations

from helpers import batch_of
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax import networks
from rdd_jax.data import shifts
from rdd_jax.evaluation.calibration import CalibrationRows
from rdd_jax.evaluation.columns import SHOWN
from rdd_jax.evaluation.evaluate import TestData, evaluate
from rdd_jax.evaluation.lookup import find, pattern, shown, title
from rdd_jax.evaluation.ood import scores
from rdd_jax.evaluation.ood.detect import OODBenchmark, OODSet
from rdd_jax.evaluation.registry import (
  GROUPS,
  METRICS,
  RANKING,
  SCORES,
  TRUST,
)
from rdd_jax.evaluation.shift import attacks, clusters
from rdd_jax.evaluation.shift.shift import Shift, Shifted
from rdd_jax.images.preprocessing import standardize
from rdd_jax.robust.label_noise.metrics import Evidence
from rdd_jax.training.recipe import Recipe

CLASSES, SHAPE = 3, (6, 6, 1)


@pytest.fixture(scope='module')
def row() -> dict:
  """All that one network on one tiny set is measured by."""
  rng = np.random.default_rng(0)
  pixels = rng.integers(0, 256, (60, *SHAPE), np.uint8)
  labels = np.arange(60) % CLASSES
  points = pixels.reshape(60, -1).astype(np.float32)
  grouped = clusters.clusters(points, 3)
  shift = Shift(
    {'': grouped, 'feature_': grouped},
    clusters.density_deciles(points, points),
    (
      *(Shifted(pixels, labels, kind) for kind in shifts.PUBLISHED),
      *(Shifted(pixels, labels, kind, 3) for kind in shifts.SUITE),
    ),
    tuple(attacks.parse(a) for a in ('fgsm-2', 'pgd-0.5-2')),
    pixels,
    labels,
    jax.random.key(0),
  )
  benchmark = OODBenchmark(
    pixels,
    labels,
    (
      OODSet('tfds:places365_small@validation', pixels),
      OODSet('corrupted:noise', pixels, near=True),
    ),
    odin=True,
  )
  return evaluate(
    networks.build('convnet', CLASSES, width=4, depth=1),
    batch_of(
      inputs=jnp.asarray(pixels),
      targets=jax.nn.one_hot(labels, CLASSES),
      cells=jnp.asarray(labels, jnp.int32),
    ),
    TestData(
      pixels,
      labels,
      groups=np.arange(60) // CLASSES % 2,
      rare=labels == 1,
      trained=np.ones(60, int),
    ),
    Recipe(steps=1, learning_rate=0.1),
    num_classes=CLASSES,
    preprocess=standardize([0.5], [0.5]),
    seeds=jax.random.split(jax.random.key(0), 1),
    ood=benchmark,
    shift=shift,
    calibrate=CalibrationRows(pixels, labels),
  )


def test_every_metric_that_is_measured_is_in_the_registry_once(row):
  for name in row:
    found = [m.name for m in METRICS if pattern(m.name).fullmatch(name)]
    assert len(found) == 1, (name, found)
    metric = find(name)
    assert metric is not None
    assert metric.name == name
    assert '{' not in metric.title + metric.meaning


def test_every_record_is_measured(row):
  """But for those that a table of ablations adds from `trust.json`."""
  unused = [
    metric.name
    for metric in METRICS
    if not any(pattern(metric.name).fullmatch(name) for name in row)
  ]
  assert unused == ['trust_precision', 'trust_recall']


@pytest.mark.parametrize('records', [METRICS, TRUST, GROUPS, RANKING])
def test_records_are_unique_and_complete(records):
  names = [metric.name for metric in records]
  titles = [metric.title for metric in records]
  assert len(set(names)) == len(names)
  assert len(set(titles)) == len(titles)
  for metric in records:
    assert metric.title
    assert metric.meaning
    assert metric.better in ('higher', 'lower', '')
    assert metric.unit in ('%', '')


def test_every_score_and_every_field_of_trust_has_a_record():
  known = {*scores.LOGIT_SCORES, *scores.FEATURE_SCORES, 'contrast', 'odin'}
  known |= {'statistics', 'combined', 'guarded', 'ensemble'}
  assert known == SCORES.keys()
  assert {*Evidence._fields, 'recall_worst_class'} < {m.name for m in TRUST}


def test_errors_and_false_positives_are_better_low():
  for name in (
    'ece',
    'ece_calibrated',
    'ece_oracle',
    'fpr95_in',
    'near_fpr95_out_energy',
  ):
    metric = find(name)
    assert metric is not None
    assert metric.better == 'lower'
  assert title('auroc_odin') == 'AUROC, ODIN'


@pytest.mark.parametrize('place', SHOWN)
def test_what_is_shown_is_in_the_registry(place):
  names = {metric.name for metric in METRICS}
  for name in SHOWN[place]:
    assert name in names or find(name) is not None
  assert shown(place, ['unknown', 'class_0', 'accuracy']) == ['accuracy']
