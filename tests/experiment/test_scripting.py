"""A script fits, judges, makes and saves sets, as the commands do."""

from __future__ import annotations

from dataclasses import replace
import json

from absl.testing import flagsaver
import chex
import flax.linen as nn
import jax
import numpy as np
import pytest

import rdd_jax
from rdd_jax import data, evaluate, networks
from rdd_jax.artifact import store
from rdd_jax.core.errors import UserError
from rdd_jax.evaluation.ood.metrics import auroc
from rdd_jax.evaluation.registry import suffix
from rdd_jax.experiment.judge import judge_of
from rdd_jax.images.preprocessing import standardize

DIGITS = data.load('digits')
ROWS = np.argsort(DIGITS.train_labels, kind='stable')[::60]
TESTS = DIGITS.test_images[:60], DIGITS.test_labels[:60]
RECIPE = {'epochs': 100, 'learning_rate': 0.05}


@pytest.fixture(scope='module')
def artifact() -> rdd_jax.Distilled:
  return rdd_jax.adopt(
    DIGITS.train_images[ROWS],
    DIGITS.train_labels[ROWS],
    DIGITS,
    network='mlp:width=16',
    evaluation=RECIPE,
  )


class Linear(nn.Module):
  """Somebody's network: logits alone, of pixels."""

  @nn.compact
  def __call__(self, x):
    return nn.Dense(10)(x.reshape(len(x), -1))


class Dropping(nn.Module):
  """Another, which is told when it trains."""

  @nn.compact
  def __call__(self, x, training: bool = False):
    x = nn.BatchNorm(use_running_average=not training)(x)
    return nn.Dense(10)(x.reshape(len(x), -1))


@pytest.mark.parametrize('seed', [0, 3])
def test_the_command_gives_the_same_numbers(artifact, tmp_path, seed):
  store.save(tmp_path / 'run', artifact)
  out = tmp_path / 'out.json'
  flags = (
    (evaluate._SEEDS, 2),
    (evaluate._SEED, seed),
    (evaluate._OUT, str(out)),
  )
  with flagsaver.flagsaver(*flags):
    evaluate.main(['evaluate', str(tmp_path / 'run')])
  row = json.loads(out.read_text())['rows']['mlp']
  found = rdd_jax.judge(rdd_jax.load(tmp_path / 'run'), seeds=2, seed=seed)
  assert json.loads(json.dumps(found)) == row


@pytest.mark.parametrize('net', ['', 'mlp', 'mlp:width=8', Linear()])
def test_what_is_fitted_is_what_is_judged(artifact, net):
  fitted = rdd_jax.fit(net, artifact, seed=1)
  right = float(np.mean(fitted.predict(TESTS[0]) == TESTS[1]))
  row = rdd_jax.judge(artifact, *TESTS, net=net, seeds=2, seed=1)
  assert row['accuracy']['values'][0] == pytest.approx(right, abs=1e-9)
  assert right > 0.3
  assert fitted.logits(TESTS[0]).shape == (60, 10)
  floats = TESTS[0].astype(np.float32) / 255
  np.testing.assert_allclose(
    fitted.logits(floats), fitted.logits(TESTS[0]), atol=1e-4
  )


@pytest.mark.parametrize('net', ['', 'convnet:width=4:depth=1'])
def test_scores_are_those_that_are_judged(artifact, net):
  outside = artifact.card['outside'] | {'sets': ('patches',), 'rows': 50}
  known = {'temperature': 0.5, 'statistics_limit': 20.0}
  card = {**artifact.card, 'outside': outside, 'calibration': known}
  asked = replace(artifact, card=card)
  row = rdd_jax.judge(asked, net=net, seeds=1, seed=1)
  benchmark = judge_of(asked, DIGITS, [], epochs=1, data_dir='').outside
  assert benchmark is not None
  fitted = rdd_jax.fit(net, asked, seed=1)
  inside, patches = (
    fitted.scores(images)
    for images in (benchmark.inside, benchmark.sets[0].images)
  )
  assert ('combined' in inside) == (net != '')
  # A limit is of the network on the card.
  assert 'guarded' not in inside
  for score, own in inside.items():
    np.testing.assert_allclose(
      row[f'auroc{suffix(score)}@patches']['values'],
      [auroc(own, patches[score])],
      atol=1e-3,
    )


@pytest.mark.parametrize(
  'images', [TESTS[0][0], TESTS[0][:, 1:], TESTS[0].astype(np.int64)]
)
def test_images_that_do_not_suit_are_one_line(artifact, images):
  fitted = rdd_jax.fit('', artifact, epochs=1)
  with pytest.raises(UserError, match=r'give uint8, or floats .*8, 8, 1\]'):
    fitted.predict(images)


def test_a_name_that_is_given_need_not_be_that_on_the_card(artifact):
  widths = {
    name: rdd_jax.fit(name, artifact, epochs=1).variables['params']
    for name in ('', 'mlp', 'mlp:width=8')
  }
  chex.assert_trees_all_equal(widths[''], widths['mlp'])
  kernel = jax.tree.leaves(widths['mlp:width=8'])[1]
  assert kernel.shape == (64, 8)


def test_epochs_and_seed_are_those_that_are_given(artifact):
  def first(**given):
    variables = rdd_jax.fit('', artifact, **given).variables
    return np.asarray(jax.tree.leaves(variables)[1])

  np.testing.assert_array_equal(first(), first(seed=0, epochs=100))
  assert np.any(first() != first(epochs=1))
  assert np.any(first() != first(seed=1))


def test_a_module_with_batch_norm_learns_its_statistics(artifact):
  fitted = rdd_jax.fit(Dropping(), artifact)
  (mean, *_) = jax.tree.leaves(fitted.variables['batch_stats'])
  assert np.any(np.asarray(mean) != 0)


def test_our_own_module_stays_as_it_is(artifact):
  net = networks.build('mlp', 10, width=16)
  assert rdd_jax.fit(net, artifact).net is net


@pytest.mark.parametrize(
  ('net', 'wrong'),
  [
    ('convnett', "unknown network or regression 'convnett': did you mean"),
    ('ntk', 'ntk is a regression, which has no variables'),
    (nn.Dense(10), r'returns float32\[1,8,8,10\] .* give one that returns 10'),
    (nn.Conv(3, (3,)), 'the network cannot run on images|returns'),
  ],
)
def test_a_network_that_does_not_suit_is_one_line(artifact, net, wrong):
  with pytest.raises(UserError, match=wrong) as caught:
    rdd_jax.fit(net, artifact)
  assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
  ('given', 'wrong'),
  [
    ({'images': TESTS[0]}, 'images without labels'),
    (
      {'images': TESTS[0][:, :4], 'labels': TESTS[1]},
      r'are \[4, 8, 1\], those',
    ),
    ({'images': TESTS[0] / 255, 'labels': TESTS[1]}, 'give uint8 pixels'),
    ({'images': TESTS[0], 'labels': TESTS[1] + 9}, r'outside \[0, 10\)'),
    ({'seeds': 0}, 'seeds=0: give at least one'),
  ],
)
def test_tests_that_do_not_suit_are_one_line(artifact, given, wrong):
  with pytest.raises(UserError, match=wrong):
    rdd_jax.judge(artifact, **given)


def test_a_set_of_arrays_alone_is_judged_on_arrays(artifact):
  own = rdd_jax.from_arrays(*2 * TESTS)
  made = rdd_jax.adopt(*TESTS, own, network='mlp', evaluation={'epochs': 1})
  assert rdd_jax.judge(made, *TESTS, seeds=1)['accuracy']['n'] == 1
  with pytest.raises(UserError, match='pass images and labels'):
    rdd_jax.judge(made)


def test_a_card_that_says_too_little_is_told(artifact):
  card = {k: artifact.card[k] for k in ('schema', 'factor', 'class_names')}
  with pytest.raises(UserError, match='card of the set lacks data, network'):
    rdd_jax.fit('mlp', replace(artifact, card=card))


def test_a_script_distils_saves_and_judges(tmp_path):
  """Soft labels, an outlier row, weights and a preprocessing of its own."""
  rng = np.random.default_rng(0)
  made = rdd_jax.adopt(
    rng.normal(0.5, 0.3, (11, 8, 8, 1)),
    np.full((11, 10), 0.1),
    DIGITS,
    cells=np.arange(11),
    weights=np.r_[np.ones(10), 0.5],
    network='mlp',
    preprocessing=standardize([0.3], [0.4]),
    evaluation={'epochs': 1},
  )
  rdd_jax.save(tmp_path, made)
  found = rdd_jax.load(tmp_path)
  chex.assert_trees_all_equal(store.to_arrays(found), store.to_arrays(made))
  assert found.card['label_kind'] == 'soft'
  assert found.card['evaluation']['epochs'] == 1
  assert found.card['network'] == {'name': 'mlp'}
  assert rdd_jax.judge(found, seeds=1)['accuracy']['n'] == 1


def test_free_targets_stay_what_they_are_and_are_regressed_on():
  targets = np.eye(10) * 1.5 - 0.05
  pixels = DIGITS.train_images[:10]
  made = rdd_jax.adopt(pixels, targets, DIGITS, network='mlp', free=True)
  np.testing.assert_allclose(made.targets, targets, atol=1e-6)
  assert made.card['label_kind'] == 'free'
  assert made.card['evaluation']['loss'] == 'squared'


@pytest.mark.parametrize(
  ('given', 'wrong'),
  [
    ({'evaluation': {'epoch': 3}}, "evaluation has 'epoch'; its fields are"),
    ({'network': 'convent'}, "unknown network 'convent': did you mean"),
    ({'cells': np.full(10, -1)}, 'cells go down to -1'),
    ({'weights': np.zeros(10)}, r'weights are in \[0, 0\]'),
    ({'weights': np.ones(9)}, 'weights is'),
    ({'targets': np.arange(10) + 1}, r'targets go from 1 to 10'),
    ({'targets': np.ones((10, 10))}, 'sums to 10'),
    ({'images': np.zeros((10, 4, 4, 3), np.uint8)}, r'images are \[4, 4, 3\]'),
  ],
)
def test_arrays_that_are_no_set_are_one_line(given, wrong):
  arrays = {
    'images': np.zeros((10, 8, 8, 1), np.uint8),
    'targets': np.arange(10),
  }
  with pytest.raises(UserError, match=wrong):
    rdd_jax.adopt(**{**arrays, 'dataset': DIGITS, **given})
