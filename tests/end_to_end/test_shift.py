"""Rare subgroups and shifts in a run: made, judged, shown, judged again."""

from __future__ import annotations

import json
from pathlib import Path

import jax
import numpy as np
import pytest

import rdd_jax
from rdd_jax import data, evaluate
from rdd_jax.config.build import data as build_data
from rdd_jax.config.build import shift
from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import digits
from rdd_jax.core.errors import UserError
from rdd_jax.experiment import of_card, pipeline
from rdd_jax.report import tables

pytestmark = pytest.mark.slow  # all of it is one run


def tiny() -> Config:
  config = digits.dm('smoke,width=4')
  config.data.rare = 'patch-0.1'
  config.network = {'name': 'mlp', 'width': 8}  # the quickest to compile
  config.steps = config.evaluation.epochs = config.whole.steps = 2
  config.seeds = config.evaluation.seeds = config.whole.seeds = 1
  config.baselines = ('random',)
  config.shift.update(
    {
      'clusters': 4,
      'features': True,
      'density': 'features',
      'published': True,
      'corruptions': ('brightness', 'pixelate'),
      'severities': (5,),
      'attacks': ('fgsm-4',),
      'rows': 40,
    }
  )
  return config


@pytest.fixture(scope='module')
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
  directory = tmp_path_factory.mktemp('run')
  pipeline.execute(tiny(), directory)
  return directory


def test_a_run_is_judged_under_shift(directory: Path):
  results = json.loads((directory / 'results.json').read_text())
  row = results['rows']['distilled']
  assert results['rows'].keys() == {'random', 'distilled', 'whole'}
  for other in results['rows'].values():
    assert other.keys() == row.keys()
  assert {
    'worst_group',
    'group_balanced',
    'rare_group',
    'majority_group',
    'cluster_min',
    'feature_cluster_min',
    'density_1',
    'noise',
    'corrupted',
    'corrupted_pixelate',
    'severity_5',
    'fgsm_4',
  } <= row.keys()
  told = results['shift']
  for name in ('cluster', 'feature_cluster'):
    assert len(told['clusters'][name]['sizes']) == 4
    assert len(told['clusters'][name]['sha256']) == 64
  assert told['attacks'][0]['rows'] == 40
  page = (directory / 'report.html').read_text()
  for words in ('Under shift', 'worst of 4 clusters of features', 'FGSM'):
    assert words in page
  assert tables.terminal(results['rows'])[-1] == 'fgsm_4'


def test_the_card_makes_the_same_rows_again(directory: Path):
  found = rdd_jax.load(directory)
  assert found.card['data']['rare'] == 'patch-0.1'
  assert found.card['shift']['clusters'] == 4
  dataset = of_card.load(found.card)
  made = build_data.load(tiny())
  np.testing.assert_array_equal(dataset.test_images, made.test_images)
  np.testing.assert_array_equal(dataset.test_rare, made.test_rare)


def test_judging_again_lacks_only_what_is_grouped_in_features(directory: Path):
  found = rdd_jax.load(directory)
  results = json.loads((directory / 'results.json').read_text())
  row = results['rows']['distilled']
  dataset = of_card.load(found.card)
  again = evaluate.rows(found, dataset, [], seeds=1)['mlp']
  missing = {m for m in row if m.startswith(('feature_', 'density_'))}
  assert row.keys() - again.keys() == missing


def test_what_is_rare_is_made_before_labels_are_noisy():
  config = tiny()
  plain = build_data.load(config)
  config.data.noise, config.data.validation = 'symmetric-0.4', 0.25
  noisy = build_data.load(config)
  assert noisy.train_rare is not None
  assert noisy.train_true_labels is not None
  rows, _ = data.split_validation(
    data.corrupt(plain, 'symmetric-0.4', jax.random.key(0)),
    0.25,
    jax.random.key(0),
  )
  np.testing.assert_array_equal(noisy.train_images, plain.train_images[rows])
  np.testing.assert_array_equal(noisy.train_rare, plain.train_rare[rows])


@pytest.mark.parametrize(
  ('field', 'value', 'complaint'),
  [
    ('density', 'pixel', "did you mean 'pixels'"),
    ('severities', (0, 1), 'give some of'),
    ('corruptions', ('rain',), 'unknown corruption'),
    ('attacks', ('pgd',), 'such as fgsm-2'),
    ('clusters', 1, 'a number from 2'),
    ('rows', -1, 'or 0 for all'),
  ],
)
def test_bad_fields(field: str, value: object, complaint: str):
  config = digits.dm('smoke,width=4')
  dataset = data.load('digits')
  preprocess = pipeline.recipe.preprocessing(config, dataset)
  assert shift.load(config, dataset, preprocess) is None
  config.shift[field] = value
  if field == 'rows':
    config.shift.attacks = ('fgsm-1',)
  with pytest.raises(UserError, match=complaint):
    shift.load(config, dataset, preprocess)


def test_features_are_those_of_the_whole_set():
  config = tiny()
  config.whole.steps = 0
  dataset = data.load('digits')
  with pytest.raises(UserError, match=r'set whole\.steps'):
    shift.load(config, dataset, pipeline.recipe.preprocessing(config, dataset))
