"""Outliers within a run: stored, judged, shown, judged again by the card."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import rdd_jax
from rdd_jax import data, evaluate
from rdd_jax.config.presets.ood import trustdd
from rdd_jax.experiment import pipeline

pytestmark = pytest.mark.slow  # all of it is one run


@pytest.fixture(scope='module')
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
  directory = tmp_path_factory.mktemp('run')
  config = trustdd('digits', 'smoke,width=4,outliers=poe,slots=2')
  config.transform.outliers.corruptions = ('negative', 'speckle')
  config.student = {
    'more': {'factory': 'expose_outliers', 'corruptions': ('jigsaw',)}
  }
  config.baselines, config.whole.steps = ('random',), 0
  config.evaluation.epochs = 2
  config.outside.sets = ('patches', 'gaussian', 'rotation90')
  config.outside.rows = 30
  pipeline.execute(config, directory)
  return directory


def test_a_run_with_outliers_from_end_to_end(directory: Path):
  results = json.loads((directory / 'results.json').read_text())
  row = results['rows']['distilled']
  assert row['auroc'] == row['auroc@patches']  # Noise is seen, turns are near.
  assert row['near_auroc_energy'] == row['auroc_energy@rotation90']
  assert results['rows']['random'].keys() == row.keys()
  assert results['outside']['rows'] == 30
  page = (directory / 'report.html').read_text()
  for words in ('Out of distribution', '(gaussian', 'ROC of energy'):
    assert words in page
  assert (directory / 'curves' / 'random.json').exists()
  found = rdd_jax.load(directory)
  outliers = found.cells >= 10
  assert outliers.sum() == 2
  np.testing.assert_array_equal(found.targets[outliers], np.eye(11)[[10, 10]])
  np.testing.assert_allclose(
    found.weights[outliers].sum(), 0.5 * found.weights[~outliers].sum()
  )
  assert list(json.loads((directory / 'card.json').read_text())['student']) == [
    'more'
  ]


def test_the_card_is_enough_to_judge_again(directory: Path):
  results = json.loads((directory / 'results.json').read_text())
  found = rdd_jax.load(directory)
  again = evaluate.rows(found, data.load('digits'), [], seeds=1)
  assert again['convnet'].keys() == results['rows']['distilled'].keys()
