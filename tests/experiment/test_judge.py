"""A set, ours or another's, stands beside its baselines on one page."""

from __future__ import annotations

from dataclasses import replace
import json
import os
import subprocess
import sys

from helpers import ROOT
import jax
import numpy as np
import pytest

from rdd_jax import data, kernels
from rdd_jax.artifact import store
from rdd_jax.config import defaults
from rdd_jax.core.errors import UserError
from rdd_jax.evaluation import dd_ranking as ranking
from rdd_jax.experiment import baselines, dd_ranking, of_card, sets
from rdd_jax.experiment import judge as experiment_judge
from rdd_jax.experiment.baselines import baseline_like
from rdd_jax.experiment.judge import evaluate_baseline, judge_of
from rdd_jax.experiment.outputs import write_evaluation
from rdd_jax.experiment.trial import network_keys
from rdd_jax.images.preprocessing import fit


@pytest.fixture(scope='module')
def digits() -> data.Dataset:
  return data.load('digits')


def small(digits: data.Dataset, **evaluation) -> store.Distilled:
  """Two real digits of each class, and three outliers in a reject class."""
  config = defaults.config()
  config.network = {'name': 'mlp', 'width': 16}
  config.evaluation.update({'epochs': 5, **evaluation})
  rows = np.argsort(digits.train_labels, kind='stable')
  rows = rows[np.searchsorted(digits.train_labels[rows], range(10))]
  rows = np.repeat(rows, 2)
  cells = np.r_[digits.train_labels[rows], 10, 10, 10].astype(np.int32)
  images = digits.train_images[rows].astype(np.float32) / 255
  return store.Distilled(
    images=np.concatenate([images, images[:3].transpose(0, 2, 1, 3)]),
    targets=np.eye(11, dtype=np.float32)[cells],
    weights=np.ones(23, np.float32),
    cells=cells,
    preprocessing=fit(digits.train_images),
    card=sets.card_of(config, digits, 11),
  )


@pytest.mark.parametrize('name', baselines.BASELINES)
def test_a_baseline_has_the_storage_and_the_outputs_of_the_set(digits, name):
  found = baseline_like(name, small(digits), digits, jax.random.key(0))
  # 23 images for ten classes are three of each, outliers counted in.
  np.testing.assert_array_equal(np.bincount(found.cells), np.full(10, 3))
  assert found.targets.shape == (30, 11)
  pixels = digits.train_images.reshape(-1, 64)
  for image, cell in zip(found.images, found.cells, strict=True):
    same = np.all(pixels == np.rint(255 * image.ravel()), 1)
    assert cell in digits.train_labels[same]


def test_random_rows_are_drawn_anew_and_the_others_are_not(digits):
  keys = network_keys(0, 2)
  drawn = [
    baseline_like('random', small(digits), digits, k).images for k in keys
  ]
  assert np.any(drawn[0] != drawn[1])
  drawn = [
    baseline_like('herding', small(digits), digits, k).images for k in keys
  ]
  np.testing.assert_array_equal(*drawn)
  with pytest.raises(UserError, match="unknown baseline 'hording': did you"):
    baseline_like('hording', small(digits), digits, keys[0])


def test_baselines_see_the_labels_that_the_set_was_made_of(digits):
  found = small(digits)
  card = {**found.card, 'data': {**found.card['data'], 'noise': 'pair-0.4'}}
  given = of_card.load(card, training=True)
  wrong = np.mean(given.train_labels != digits.train_labels)
  assert 0.3 < wrong < 0.5
  np.testing.assert_array_equal(
    of_card.load(card).train_labels, digits.train_labels
  )
  np.testing.assert_array_equal(given.test_labels, digits.test_labels)


def test_a_set_is_judged_by_the_kernel_on_its_card(digits):
  found = small(digits)
  kernel = {**found.card['regression']['kernel'], 'depth': 2}
  known = replace(
    found,
    **{
      name: getattr(found, name)[:20]
      for name in ('images', 'targets', 'weights', 'cells')
    },
  )
  known.card['regression'] = {'kernel': kernel, 'ridge': 1e-3}
  judge = judge_of(known, digits, ['ntk'])
  assert judge.names == ('ntk',)
  assert not judge.nets
  row = judge(known, network_keys(0, 2))['ntk']
  batch, ntk = store.to_batch(known), kernels.fully_connected(2)
  train = np.asarray(ntk(batch.inputs).ntk, np.float64)
  train += 1e-3 * np.trace(train) / 20 * np.eye(20)
  tests = known.preprocessing(digits.test_images)
  said = np.asarray(ntk(tests, batch.inputs).ntk) @ np.linalg.solve(
    train, batch.targets - 1 / 11
  )
  right = np.mean(said[:, :10].argmax(1) == digits.test_labels)
  assert row['accuracy']['mean'] == pytest.approx(right, abs=0.01)
  assert row['accuracy']['n'] == 1
  with pytest.raises(UserError, match='only ntk judge'):
    dd_ranking.rank(judge, known, digits, network_keys(0, 2), whole_steps=1)


@pytest.mark.slow
def test_an_evaluation_is_a_directory_like_a_run(digits, tmp_path):
  found = small(digits)
  judge, keys = judge_of(found, digits), network_keys(0, 2)
  rows = {
    'random': evaluate_baseline(judge, 'random', found, digits, keys),
    'distilled': judge(found, keys),
  }
  assert rows['random']['mlp']['accuracy']['n'] == 2
  page = write_evaluation(tmp_path, found, judge, rows).read_text()
  assert 'random' in page
  results = json.loads((tmp_path / 'results.json').read_text())
  assert list(results['rows']) == ['random', 'distilled']
  again = store.load(tmp_path)
  np.testing.assert_array_equal(again.images, found.images)
  assert judge(again, keys) == rows['distilled']


@pytest.mark.slow
def test_scores_are_those_of_the_rows(digits):
  found = small(digits)
  judge, keys = judge_of(found, digits), network_keys(0, 2)
  ranks = dd_ranking.rank(judge, found, digits, keys, whole_steps=100)
  mean = {k: row['accuracy']['mean'] for k, row in ranks['rows'].items()}
  # The recipe has no augmentation, so that the set as it is is the plain one.
  own = judge(found, keys)['mlp']
  assert ranks['rows']['ranking_set_plain'] == own
  assert mean['ranking_whole'] > mean['ranking_set_hard']
  # Its labels are hard, so that making them hard changes nothing.
  assert ranks['rows']['ranking_set_hard'] == own
  scores = ranks['scores']
  assert scores['hlr'] == mean['ranking_whole'] - mean['ranking_set_hard']
  assert scores['ior'] == (
    mean['ranking_set_plain'] - mean['ranking_random_plain']
  )
  assert scores['lrs'] == ranking.score((scores['ior'] - scores['hlr']) / 2)
  gain = mean['ranking_set'] - mean['ranking_random']
  assert scores['ars'] == ranking.score((gain + scores['ior']) / 2)
  told = dd_ranking.describe(ranks)
  assert f'HLR {scores["hlr"]:.3f}' in told
  with pytest.raises(UserError, match='whole_steps is 0'):
    dd_ranking.rank(judge, found, digits, keys, whole_steps=0)


@pytest.mark.slow
def test_random_rows_are_labelled_softly_where_the_set_is(digits, monkeypatch):
  found = small(digits, augment='crop')
  soft = replace(
    found,
    targets=0.9 * found.targets + np.float32(0.1 / 11),
    card={**found.card, 'label_kind': 'soft'},
  )
  judge, keys = judge_of(soft, digits), network_keys(0, 1)
  seen = []
  monkeypatch.setattr(
    experiment_judge.Judge,
    '__call__',
    lambda self, d, s: (
      seen.append((self.recipe, d))
      or {
        'mlp': {'accuracy': {'mean': 0.5, 'std': 0.0, 'n': 1, 'values': [0.5]}}
      }
    ),
  )
  dd_ranking.rank(judge, soft, digits, keys, whole_steps=500)
  (aug, random), (plain, again), own, bare, hard = seen
  assert aug == judge.recipe
  assert plain.augment is None
  np.testing.assert_array_equal(random.targets, again.targets)
  assert random.targets.max(1).min() < 1  # The teacher's, of the same rows,
  np.testing.assert_allclose(random.targets.sum(1), 1, rtol=1e-5)
  right = random.targets.argmax(1) == random.cells
  assert right.mean() > 0.5  # which it mostly knows.
  assert own == (judge.recipe, soft)
  assert bare == (plain, soft)
  assert set(np.unique(hard[1].targets)) == {0, 1}


def command(*arguments: str) -> str:
  env = {**os.environ, 'PYTHONPATH': str(ROOT)}
  done = subprocess.run(
    [sys.executable, '-m', 'rdd_jax.evaluate', *arguments],
    env=env,
    capture_output=True,
    text=True,
  )
  return done.stdout + done.stderr


@pytest.mark.slow
def test_the_command_judges_a_set_of_others(digits, tmp_path):
  rows = np.argsort(digits.train_labels, kind='stable')[::26]
  np.savez(
    tmp_path / 'theirs.npz',
    x=digits.train_images[rows].transpose(0, 3, 1, 2) / 255.0,
    y=digits.train_labels[rows],
  )
  told = command(
    str(tmp_path / 'theirs.npz'),
    '--dataset=digits',
    '--networks=mlp',
    '--epochs=5',
    '--seeds=2',
    '--baselines=random,herding',
    '--ranking',
    '--whole_steps=20',
    f'--report={tmp_path / "out"}',
  )
  for words in (
    'taken as CHW',
    'taken as unit',
    'factor 1 assumed',
    'judged by mlp, 5 epochs of batches of 256, sgd at 0.01',
    'herding',
    'DD-Ranking: HLR',
  ):
    assert words in told
  results = json.loads((tmp_path / 'out' / 'results.json').read_text())
  assert {'random', 'herding', 'distilled'} <= results['rows'].keys()
  assert set(results['ranking']) == {'hlr', 'ior', 'lrs', 'ars'}
  assert (tmp_path / 'out' / 'report.html').exists()
  told = command(str(tmp_path / 'theirs.npz'))
  assert told.startswith('error: ')
  assert '--dataset=tfds:cifar10' in told
