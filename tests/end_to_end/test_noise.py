"""Noise on its way from an argument of a config to the card."""

from __future__ import annotations

from pathlib import Path

import jax
import numpy as np
import pytest

import rdd_jax
from rdd_jax import data
from rdd_jax.config.build import data as build_data
from rdd_jax.config.build import experiment
from rdd_jax.config.presets import digits, gradient
from rdd_jax.data.noise.inject import KINDS
from rdd_jax.experiment import pipeline


def test_validation_rows_are_noisy_too():
  config = digits.dm('noise=pair-0.4')
  whole = build_data.load(config)
  config.data.validation = 0.25
  found = build_data.load(config)
  rows, held_out = data.split_validation(whole, 0.25, jax.random.key(0))
  assert whole.train_true_labels is not None
  np.testing.assert_array_equal(found.train_labels, whole.train_labels[rows])
  np.testing.assert_array_equal(
    found.train_true_labels, whole.train_true_labels[rows]
  )
  np.testing.assert_array_equal(
    whole.train_true_labels, data.load('digits').train_labels
  )
  noisy = whole.train_labels != whole.train_true_labels
  assert noisy[held_out].mean() == pytest.approx(0.4, abs=0.1)
  assert data.effective_rate(found) == pytest.approx(0.4, abs=0.06)


def test_the_seed_draws_the_noise():
  first, again, other = (
    build_data.load(digits.dm(f'noise=pair-0.4,seed={s}')).train_labels
    for s in (0, 0, 1)
  )
  np.testing.assert_array_equal(first, again)
  assert (first != other).any()


@pytest.mark.slow
def test_plan_and_card_say_the_rate(
  tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
  config = digits.dm('smoke,width=4,noise=symmetric-0.3')
  config.baselines = ('random',)
  config.whole.steps = 0
  pipeline.execute(config, tmp_path)
  rate = data.effective_rate(build_data.load(config))
  assert rate == pytest.approx(0.3, abs=0.05)
  words = f'10 classes ({100 * rate:.1f}% mislabelled) to'
  assert words in capsys.readouterr().out
  for place in (tmp_path, tmp_path / 'baselines' / 'random'):
    card = rdd_jax.load(place).card['data']
    assert (card['noise'], card['noise_rate']) == ('symmetric-0.3', rate)


@pytest.mark.parametrize(
  ('name', 'noise', 'rate'),
  [('cifar10', 'worse', 0.4021), ('cifar100', 'noisy', 0.402)],
)
def test_mock_images_stand_in_for_human_labels(
  name: str,
  noise: str,
  rate: float,
  tmp_path: Path,
  capsys: pytest.CaptureFixture[str],
):
  config = gradient.dm(name, f'smoke,noise=human-{noise}')
  config.data.data_dir = str(tmp_path)
  found = build_data.load(config)
  said = capsys.readouterr().out
  assert f'no human-{noise} labels; symmetric-{rate} stands in' in said
  assert data.effective_rate(found) == pytest.approx(rate, abs=0.06)


@pytest.mark.parametrize(
  ('name', 'kind'),
  [
    (name, kind)
    for name in ('cifar10', 'cifar100', 'tiny_imagenet')
    for kind in KINDS
    # 200 projections of 12,288 pixels take half a minute.
    if (name, kind) != ('tiny_imagenet', 'instance')
  ],
)
def test_mock_classes_keep_rows_enough(name: str, kind: str, tmp_path: Path):
  # IDC stores four rows in an image, and so needs most.
  preset = gradient.dm if name == 'tiny_imagenet' else gradient.idc
  config = preset(name, f'smoke,noise={kind}-0.4')
  config.data.data_dir = str(tmp_path)
  found = build_data.load(config)
  experiment.build(config, found, experiment.preprocessing(config, found))
  assert data.effective_rate(found) > 0.1
