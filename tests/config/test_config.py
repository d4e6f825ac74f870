"""Every configuration builds, and bad arguments say what to do."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import chex
from helpers import ROOT
import numpy as np
import pytest
from tracing import shapes, trace

from rdd_jax import data
from rdd_jax.config import defaults
from rdd_jax.config.build import experiment as build_experiment
from rdd_jax.config.build.objectives import namespace
from rdd_jax.config.defaults import Config
from rdd_jax.config.presets.groups import groupdro
from rdd_jax.config.presets.label_noise import method_config
from rdd_jax.core.errors import UserError
from rdd_jax.experiment import pipeline
from rdd_jax.images.preprocessing import fit
from rdd_jax.images.published import STATISTICS

CONFIGS = sorted((ROOT / 'configs').glob('*.py'))


def load(path: Path, arg: str = '') -> Config:
  """The config in a file, as the --config flag loads it."""
  spec = importlib.util.spec_from_file_location(path.stem, path)
  assert spec is not None
  assert spec.loader is not None
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  needs = {'own': 'data=digits,'}.get(path.stem, '')
  return module.get_config(needs + arg)


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_builds(path: Path):
  assert load(path).name == path.stem
  trace(load(path), step=False)


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_takes_arguments(path: Path):
  assert load(path, 'noise=pair-0.4').data.noise == 'pair-0.4'


@pytest.mark.slow
@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_smoke(path: Path, tmp_path: Path):
  results = pipeline.execute(load(path, 'smoke'), tmp_path)
  assert 'distilled' in results['rows']


@pytest.mark.slow
def test_smoke_without_the_data(tmp_path: Path):
  config = load(CONFIGS[0].parent / 'dm_fashion_mnist.py', 'smoke,width=4')
  config.data.data_dir = str(tmp_path / 'empty')
  results = pipeline.execute(config, tmp_path / 'run')
  assert 'distilled' in results['rows']


def test_published_values():
  here = CONFIGS[0].parent
  dsa = load(here / 'dsa_cifar10.py', 'ipc=50')
  assert (dsa.objective.outer, dsa.objective.inner.steps) == (50, 10)
  assert dsa.steps == 50_000
  assert dsa.evaluation.epochs == 1000
  assert load(here / 'dc_cifar10.py').evaluation.epochs == 300
  dm = load(here / 'dm_cifar100.py')
  assert (dm.steps, dm.optimizer.learning_rate) == (20_000, 1.0)
  assert 'flip' not in load(here / 'dsa_svhn.py').objective.augment
  assert load(here / 'idc_mnist.py').optimizer.learning_rate == 1e-4
  mtt = load(here / 'mtt_cifar100.py', 'ipc=50')
  assert (mtt.objective.inner.steps, mtt.experts.latest) == (80, 40)
  assert (mtt.objective.inner.batch_size, mtt.data.zca) == (125, 0.1)
  plain = load(here / 'mtt_cifar100.py', 'ipc=10').data
  assert (plain.mean, plain.std, plain.zca) == (*STATISTICS['cifar10'], 0.0)
  assert dm.data.mean == STATISTICS['cifar100'][0]
  datm = load(here / 'datm_cifar10.py', 'ipc=1')
  assert (datm.optimizer.skip_above, datm.optimizer.label_momentum) == (
    1.1,
    0.9,
  )
  frepo = load(here / 'frepo_cifar10.py')
  assert (frepo.objective.pool, frepo.objective.lifetime) == (10, 100)
  assert (frepo.data.zca, frepo.data.zca_convention) == (0.1, 'frepo')
  assert (frepo.real_rows, frepo.objective.mirror) == (102, True)
  assert not load(here / 'frepo_cifar100.py').objective.mirror
  kip = load(here / 'kip_cifar10.py', 'labels=free,kernel=convolutional')
  assert (kip.kernel.depth, kip.synthetic.labels) == (3, 'free')
  assert load(here / 'rcig_cifar10.py').objective.pool == 30
  rat = load(here / 'ratbptt_cifar10.py')
  assert (rat.objective.window, rat.objective.inner.steps) == (60, 200)


@pytest.mark.parametrize(
  ('arg', 'words'),
  [
    ('ipcc=1', ["'ipcc'", "did you mean 'ipc'"]),
    ('ipc=one', ['ipc=one', 'expected int']),
    ('smoke=perhaps', ['smoke=perhaps', 'expected bool']),
    ('zzz', ["'zzz'", 'there is ipc']),
    ('ipc=0', ['ipc=0', 'ipc=1 or more']),
  ],
)
def test_bad_arguments(arg: str, words: list[str]):
  with pytest.raises(UserError) as error:
    load(CONFIGS[0].parent / 'dm_cifar10.py', arg)
  for word in words:
    assert word in str(error.value)


def build(**changes: object) -> build_experiment.Experiment:
  config = load(CONFIGS[0].parent / 'dm_digits.py', 'smoke')
  config.unlock()
  for path, value in changes.items():
    config.update_from_flattened_dict({path.replace('__', '.'): value})
  dataset = shapes(config)
  return build_experiment.build(
    config, dataset, build_experiment.preprocessing(config, dataset)
  )


@pytest.mark.parametrize(
  ('changes', 'words'),
  [
    ({'objective__name': 'distributoin'}, ["did you mean 'distribution'"]),
    ({'risk': 'wurst'}, ["did you mean 'worst'"]),
    ({'network__name': 'convent'}, ['convnet']),
    ({'synthetic__init': 'rael'}, ["did you mean 'real'"]),
    ({'synthetic__init': 'predicted'}, ['objective.name=trajectory']),
    ({'synthetic__step_size': 0.1}, ['objective.name=trajectory', 'set it to']),
    (
      {'objective': namespace('unrolled', adjoint='telsa')},
      ["did you mean 'tesla'"],
    ),
    (
      {'objective': namespace('unrolled', window=9)},
      ['config.objective', 'a window of 9 steps', 'lower window'],
    ),
    (
      {'objective': namespace('trajectory'), 'experts__earliest': 7},
      ['start from 7', 'set 0 <= earliest'],
    ),
    (
      {
        'objective': namespace('trajectory', online=True),
        'experts__epoch_steps': 0,
      },
      ['experts.epoch_steps'],
    ),
    (
      {'evaluation__networks': ('ntk', 'resnt18:norm=batch')},
      ["network or regression 'resnt18'", "did you mean 'resnet18'", 'ntk'],
    ),
    (
      {'evaluation__networks': ('convnet:depth=5',)},
      ['8x8 is less than 32x32'],
    ),
    (
      {'synthetic__labels': 'free'},
      ['objective.name=distribution is none', 'use kip'],
    ),
    (
      {'objective': namespace('kip'), 'synthetic__labels': 'free'},
      ['evaluation.loss=squared'],
    ),
    (
      {'objective': namespace('kip'), 'kernel__name': 'convolution'},
      ["did you mean 'convolutional'"],
    ),
    (
      {'evaluation__loss': 'squared', 'evaluation__energy_margin': (9, 3, 1)},
      ['goes with cross-entropy'],
    ),
    ({'objective__augment': 'flop'}, ['flip']),
    (
      {'objective__name': 'unrolled'},
      ["no field 'groups'", 'distribution', 'window', 'namespace('],
    ),
    (
      {'objective': {'name': 'gradient', 'inner': {'stepz': 2}}},
      ['config.objective.inner', "did you mean 'steps'"],
    ),
    ({'objective__drawn_rows': 9}, ['config.real_rows', 'matched_rows']),
    ({'objective__real_rows': 9}, ['objective.real_rows', 'config.real_rows']),
    ({'objective__ridge': 1e-3}, ['config.kernel.ridge']),
    ({'objective__options': {}}, ['fields of config.objective']),
    ({'optimizer__name': 'sdg'}, ["did you mean 'sgd'"]),
    ({'network__depth': 4}, ['8']),
    (
      {'transform': {'x': {'factory': 'divert', 'recall': {'by': 'none'}}}},
      ['transform.trust.recall', 'transform.trust.relabel'],
    ),
    (
      {'transform': {'x': {'factory': 'expose_outliers', 'wieght': 1.0}}},
      ['config.transform.x', 'wieght'],
    ),
    ({'training': {'tilt': {}}}, ['this data set has none', 'groups']),
    (
      {'training': {'x': {'factory': 'expose_outliers'}}},
      ['config.training has x', 'real'],
    ),
    (
      {'training': {'balance': {}}},
      ['config.training.balance', 'config.transform'],
    ),
  ],
)
def test_bad_values(changes: dict[str, object], words: list[str]):
  with pytest.raises(UserError) as error:
    build(**changes)
  for word in words:
    assert word in str(error.value)


def test_outlier_slots_are_stored_rows():
  outliers = {'factory': 'expose_outliers', 'slots': 2}
  experiment = build(transform={'outliers': outliers}, synthetic__slots=2)
  assert np.bincount(experiment.cells).tolist() == [1] * 12


def test_whitening_follows_the_convention_asked_for():
  config, dataset = defaults.config(), data.load('digits')
  config.data.update({'zca': 0.1, 'zca_convention': 'frepo'})
  frepo = build_experiment.preprocessing(config, dataset)
  fitted = fit(dataset.train_images, zca=0.1, convention='frepo')
  chex.assert_trees_all_equal(frepo, fitted)
  config.data.zca_convention = 'kornia'
  kornia = build_experiment.preprocessing(config, dataset)
  assert not np.allclose(frepo.whiten, kornia.whiten)


def test_grayscale_given_to_a_colour_config():
  config = load(CONFIGS[0].parent / 'dm_cifar10.py', 'smoke')
  with pytest.raises(UserError, match=r'data\.channels=3'):
    build_experiment.preprocessing(config, data.mock('mnist'))


@pytest.mark.parametrize(
  ('config', 'read', 'expected'),
  [
    # 50 epochs of 10 images of each of 200 classes, in batches of 256.
    ('dsa_tiny_imagenet', lambda c: c.objective.inner.steps, 50 * 7),
    ('dsa_cifar100', lambda c: c.objective.inner.steps, 50 * 3),
    ('dsa_cifar10', lambda c: c.objective.inner.steps, 50),
    ('frepo_tiny_imagenet', lambda c: c.real_rows, 1024 // 200),
    ('frepo_cifar10', lambda c: c.real_rows, 1024 // 10),
    ('kip_tiny_imagenet', lambda c: c.real_rows, 5000 // 200),
    ('ratbptt_tiny_imagenet', lambda c: c.real_rows, 2000 // 200),
    ('ratbptt_waterbirds', lambda c: c.real_rows, 5000 // 2),
  ],
)
def test_presets_know_how_many_classes_a_data_set_has(config, read, expected):
  method, _, dataset = config.partition('_')
  assert read(method_config(dataset, method, 'ipc=10')) == expected


def test_two_epochs_of_real_rows_are_of_all_classes():
  found = groupdro('waterbirds', 'method=dsa,risk=cvar')
  assert found.real_rows == 256
  assert found.objective.inner.steps == 2 * 256 * 2 // 256
