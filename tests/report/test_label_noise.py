"""What was trusted is written out, with and without the truth."""

from __future__ import annotations

import csv
from dataclasses import replace
import json
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from PIL import Image
import pytest

import rdd_jax
from rdd_jax import data
from rdd_jax.config.build import data as build_data
from rdd_jax.config.presets.label_noise import DEFENSES, TRAINED, tad
from rdd_jax.core.errors import UserError
from rdd_jax.experiment import pipeline
from rdd_jax.report import label_noise, write_report
from rdd_jax.report.label_noise import trust_table
from rdd_jax.robust.label_noise.record import LEFT_OUT, DivertState

TRUTH = np.arange(12) % 3
GIVEN = np.where(np.arange(12) < 4, (TRUTH + 1) % 3, TRUTH)


def dataset() -> data.Dataset:
  images = np.zeros((12, 4, 4, 1), np.uint8)
  clean = data.from_arrays(images, TRUTH, images, TRUTH)
  return replace(
    clean, train_labels=GIVEN.astype(np.int32), train_true_labels=TRUTH
  )


def state() -> DivertState:
  """Of two divisions: all is trusted; then no wrong row, and two come back."""
  last = np.where(np.arange(12) < 4, LEFT_OUT, GIVEN)
  last[0], last[1] = TRUTH[0], GIVEN[1]
  return DivertState(
    probe=(),
    weights=jnp.ones(12),
    round=jnp.int32(2),
    losses=jnp.arange(12.0),
    labels=jnp.stack([jnp.asarray(GIVEN), jnp.asarray(last)]),
    trusted=jnp.stack([jnp.ones(12, bool), jnp.arange(12) >= 4]),
    mass=jnp.stack([jnp.ones(12), jnp.asarray(last != LEFT_OUT, float)]),
    proposed=jnp.asarray(TRUTH),
    expected=jnp.full(2, jnp.nan),
  )


def test_evidence_is_counted():
  first, last = label_noise.summary(dataset(), state())
  assert first == pytest.approx(
    {
      'trusted': 1,
      'recalled': 0,
      'precision': 8 / 12,
      'recall': 1,
      'recall_worst_class': 1,
      'relabelled': None,
      'noise': 4 / 12,
    }
  )
  assert last == pytest.approx(
    {
      'trusted': 8 / 12,
      'recalled': 2 / 12,
      'precision': 1,
      'recall': 1,
      'recall_worst_class': 1,
      'relabelled': 1 / 2,
      'noise': 1 / 10,
    }
  )
  unknown = replace(dataset(), train_true_labels=None)
  rows = label_noise.summary(unknown, state())
  assert [set(row) for row in rows] == [{'trusted', 'recalled'}] * 2
  # Noise of rate 0: there is nothing but the labels as given to count by.
  none = replace(dataset(), train_true_labels=GIVEN.astype(np.int32))
  rows = label_noise.summary(none, state())
  assert [set(row) for row in rows] == [{'trusted', 'recalled'}] * 2
  (_, cells, *_), (_, later, *_) = trust_table([first, last]).lines
  assert cells[0].text == '100.0'
  assert later[0].text == '66.7'


def test_recall_is_counted_in_each_class_and_group():
  groups = np.array([-1, 0, 0, 0, 0, 0, 0, 0, 2, 2, 2, 2])
  trusted = np.arange(12) % 2 == 0
  seen = state()._replace(trusted=jnp.stack([jnp.ones(12, bool), trusted]))
  found = label_noise.summary(replace(dataset(), train_groups=groups), seen)
  clean = GIVEN == TRUTH
  assert found[0]['recall_group_0'] == found[0]['recall_worst_class'] == 1
  assert found[1]['recall_group_1'] is None
  for i in (0, 2):
    expected = trusted[clean & (groups == i)].mean()
    assert found[1][f'recall_group_{i}'] == pytest.approx(expected)
  worst = min(trusted[clean & (c == TRUTH)].mean() for c in range(3))
  assert found[1]['recall_worst_class'] == pytest.approx(worst)
  assert 'trust recall, group 2' in trust_table(found).columns


def test_labels_are_written(tmp_path: Path):
  label_noise.write(tmp_path, dataset(), {'other': (), 'trust': state()})
  with np.load(tmp_path / 'relabelled.npz') as found:
    np.testing.assert_array_equal(found['index'], np.arange(12))
    np.testing.assert_array_equal(found['given'], GIVEN)
    np.testing.assert_array_equal(
      found['trust'], [1, 1, 0, 0, 2, 2, 2, 2, 2, 2, 2, 2]
    )
    np.testing.assert_array_equal(found['proposed'], TRUTH)
  with Image.open(tmp_path / 'distrusted.png') as picture:
    assert picture.size[0] > 0
  with (tmp_path / 'distrusted.csv').open() as file:
    # Those of a given label in a row, the most doubtful first.
    found = [(row['file'], row['given']) for row in csv.DictReader(file)]
  assert found == [('2', '0'), ('3', '1'), ('0', '1'), ('1', '2')]
  other = tmp_path / 'other'
  label_noise.write(other, dataset(), {'other': ()})
  assert not other.exists()


def test_doubts_have_the_names_of_files_which_are_escaped(tmp_path: Path):
  names = np.array([f'a/<b>{i},&".png' for i in range(12)])
  named = replace(dataset(), train_names=names)
  label_noise.write(tmp_path, named, {'trust': state()})
  page = write_report(tmp_path, title='t', command='c').read_text()
  for i in range(12):
    assert (f'a/&lt;b&gt;{i},&amp;&#34;.png' in page) == (i < 4)
  assert '<b>0' not in page
  assert page.count('<img') == 4  # each in doubt is shown


@pytest.mark.slow
@pytest.mark.parametrize('defense', ['none', *DEFENSES, *TRAINED])
def test_every_defense_runs(tmp_path: Path, defense: str):
  if defense == 'confident':
    pytest.importorskip('cleanlab')
  config = tad('digits', f'smoke,width=4,defense={defense}')
  config.devices = 1
  config.evaluation.epochs = 1
  config.baselines = ('initial',)
  config.whole.steps = 0
  found = pipeline.execute(config, tmp_path)
  assert found['rows']['distilled']['accuracy']['n'] == 2
  assert found['rows']['initial']['accuracy']['n'] == 2
  diverts = defense not in ('none', 'oracle', 'clean', 'elr')
  assert (tmp_path / 'relabelled.npz').exists() == diverts
  if diverts:
    rows = json.loads((tmp_path / 'trust.json').read_text())
    assert len(rows) == (4 if defense in ('tad_fixed', 'described') else 1)
    assert 'Labels in doubt' in (tmp_path / 'report.html').read_text()


@pytest.mark.slow
def test_images_are_started_from_what_is_trusted(tmp_path: Path):
  """With true labels known, each initial image is a row of its true class."""
  config = tad('digits', 'smoke,width=4,defense=oracle,ipc=2')
  config.devices = 1
  config.evaluation.epochs = 1
  config.baselines = ('initial',)
  config.whole.steps = 0
  pipeline.execute(config, tmp_path)
  dataset = build_data.load(config)
  initial = rdd_jax.load(tmp_path / 'baselines' / 'initial')
  start = np.round(255 * np.asarray(initial.images)).astype(int)
  for image, cell in zip(start, initial.cells, strict=True):
    rows = (np.abs(dataset.train_images.astype(int) - image) <= 1).all(
      (1, 2, 3)
    )
    assert dataset.train_true_labels is not None
    assert cell in dataset.train_true_labels[rows]
  last = rdd_jax.load(tmp_path)
  assert (np.asarray(last.images) != np.asarray(initial.images)).any()


@pytest.mark.parametrize(
  ('defense', 'name', 'value'),
  [
    ('tad', 'least_right', 0.9),
    ('tad', 'size', 32),
    ('tad_fixed', 'warm_up', 2),
    ('tad_fixed', 'relabel.fraction', 0.25),
    ('tad_fixed', 'last.rule', 'both'),
    ('tad_fixed', 'probes', 2),
  ],
)
def test_every_field_of_tad_can_be_set(defense: str, name: str, value: object):
  config = tad('fashion_mnist', f'smoke,defense={defense}')
  config.lock()
  config.update_from_flattened_dict({f'transform.trust.{name}': value})


def test_misspelt_arguments_say_what_there_is():
  with pytest.raises(UserError, match='small_loss'):
    tad('digits', 'defense=small_losses')
  with pytest.raises(UserError, match='there is dm'):
    tad('digits', 'method=datm')
  with pytest.raises(UserError, match="did you mean 'noise'"):
    tad('digits', 'nois=pair-0.4')
