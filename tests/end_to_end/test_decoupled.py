"""A teacher, what it selects and labels, under every protection at once."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
import json
from pathlib import Path

from end_to_end.decoupled_cases import tiny
import jax
import numpy as np
import pytest

import rdd_jax
from rdd_jax.artifact import store
from rdd_jax.core.errors import UserError
from rdd_jax.experiment import pipeline
from rdd_jax.experiment.baselines import baseline_like
from rdd_jax.experiment.check import check
from rdd_jax.experiment.judge import judge_of
from rdd_jax.experiment.of_card import load
from rdd_jax.experiment.relabeled import labeling
from rdd_jax.experiment.trial import network_keys
from rdd_jax.records import storage
from rdd_jax.runtime.stopping import Stopped
from rdd_jax.training.stored import StoredLabels


@pytest.fixture(scope='module')
def everything(tmp_path_factory: pytest.TempPathFactory) -> Path:
  directory = tmp_path_factory.mktemp('everything')
  arg = 'labels=teacher,noise=symmetric-0.4,rare=line-0.1,outliers=poe'
  pipeline.execute(tiny('all_three', f'{arg},defense=oracle'), directory)
  return directory


def test_wrong_labels_outliers_and_rare_groups_at_once(everything: Path):
  found = store.load(everything)
  assert found.card['label_kind'] == 'teacher'
  assert found.teacher is not None
  assert len(found.cells) == 40  # two of each class, two in each slot
  assert (found.targets[20:, 10] == 1).all()  # the reject class
  assert found.card['method'].startswith('selection, ')
  random = store.load(everything / 'baselines' / 'random')
  assert random.card['label_kind'] == 'teacher'
  for ours, theirs in zip(
    store.to_arrays(found).items(), store.to_arrays(random).items(), strict=True
  ):
    if ours[0].startswith('teacher.'):
      np.testing.assert_array_equal(ours[1], theirs[1])
  assert storage.of(found).labels == "a teacher's"
  images = 4 * found.images.size
  assert storage.of(found).bytes == images + found.teacher.size
  with np.load(everything / store.ARRAYS) as arrays:
    weights = [arrays[n].nbytes for n in arrays if n.startswith('teacher.')]
  assert found.teacher.size == sum(weights)


def test_a_set_is_judged_again_under_its_own_teacher(everything: Path):
  found = store.load(everything)
  dataset = load(found.card, training=True)
  judge, seeds = judge_of(found, dataset), network_keys(0, 1)
  (row,) = judge(found, seeds).values()
  written = json.loads((everything / 'results.json').read_text())['rows']
  assert row['accuracy']['mean'] == pytest.approx(
    written['distilled']['accuracy']['mean'], abs=1e-6
  )
  net = rdd_jax.fit('convnet', found)
  right = net.predict(dataset.test_images) == dataset.test_labels
  assert right.mean() == pytest.approx(row['accuracy']['mean'], abs=1e-6)
  rival = baseline_like('random', found, dataset, seeds[0])
  assert rival.card['label_kind'] == 'teacher'
  assert rival.teacher is found.teacher


def test_a_teacher_goes_where_arrays_go(everything: Path, tmp_path: Path):
  found = store.load(everything)
  rdd_jax.export(found, 'npz', tmp_path / 'npz')
  again = rdd_jax.load(tmp_path / 'npz' / 'set.npz')
  for name, array in store.to_arrays(found).items():
    np.testing.assert_array_equal(store.to_arrays(again)[name], array)
  assert again.teacher is not None
  assert again.teacher.temperature == found.teacher.temperature == 20
  lines = rdd_jax.export(found, 'folder', tmp_path / 'folder')
  assert 'the teacher was left out' in lines[-1]
  assert rdd_jax.load(tmp_path / 'folder').card['label_kind'] == 'hard'


def test_a_teacher_that_does_not_fit_is_named(everything: Path):
  found = store.load(everything)
  arrays = store.to_arrays(found)
  del arrays['teacher.params.Conv_0.kernel']
  with pytest.raises(UserError, match=r'Conv_0.kernel is not there'):
    store.from_arrays(arrays, found.card, 'here')
  card = {**found.card, 'teacher': {'network': found.card['network']}}
  with pytest.raises(UserError, match='give its network and temperature'):
    store.from_arrays(store.to_arrays(found), card, 'here')


def test_a_stopped_teacher_makes_the_same_set(tmp_path: Path):
  config = tiny('tad', 'labels=soft,noise=symmetric-0.4,defense=oracle')
  pipeline.execute(config, tmp_path / 'whole')
  asked = iter(range(1))
  with pytest.raises(Stopped):
    pipeline.execute(
      config, tmp_path / 'parts', stop=lambda: next(asked, None) is None
    )
  pipeline.execute(config, tmp_path / 'parts')
  whole, parts = (
    (tmp_path / name / store.ARRAYS).read_bytes() for name in ('whole', 'parts')
  )
  assert whole == parts
  found = store.load(tmp_path / 'whole')
  assert found.card['label_kind'] == 'stored'
  assert storage.of(found).labels == 'stored soft'
  top = found.targets.max(1)
  assert ((top > 0) & (top < 1)).all()
  dataset = load(found.card, training=True)
  with pytest.raises(UserError, match='no fair rival'):
    baseline_like('random', found, dataset, network_keys(0, 1)[0])


@pytest.fixture(scope='module')
def answered(tmp_path_factory: pytest.TempPathFactory) -> Path:
  """Three numbers of each label, and views that are mixed."""
  directory = tmp_path_factory.mktemp('answered')
  pipeline.execute(tiny('rded', 'labels=epochs,top_k=3'), directory)
  return directory


def test_answers_to_views_are_stored_and_counted(answered: Path):
  found = store.load(answered)
  assert found.card['label_kind'] == 'epochs'
  assert isinstance(found.teacher, StoredLabels)
  assert found.teacher.values.shape == (2, 20, 3)  # two epochs of one batch
  with np.load(answered / store.ARRAYS) as arrays:
    labels = sum(arrays[n].nbytes for n in arrays if n.startswith('labels.'))
    taken = arrays['images'].nbytes + labels
  assert labels == 2 * 20 * 3 * (2 + 1) + 8  # float16, uint8, and the key
  assert storage.of(found).labels == 'stored by view'
  assert storage.of(found).bytes == taken
  assert found.card['stored_labels']['bytes'] == labels
  random = store.load(answered / 'baselines' / 'random')
  assert isinstance(random.teacher, StoredLabels)
  assert random.card['label_kind'] == 'epochs'
  assert (random.teacher.values != found.teacher.values).any()


def test_the_same_set_is_judged_without_a_teacher(answered: Path):
  """By its labels, which a run's teacher gives to baselines as well."""
  found = store.load(answered)
  dataset = load(found.card, training=True)
  judge, seeds = judge_of(found, dataset), network_keys(0, 1)
  (row,) = judge(found, seeds).values()
  written = json.loads((answered / 'results.json').read_text())['rows']
  assert row['accuracy'] == written['distilled']['accuracy']
  net = rdd_jax.fit('convnet', found, epochs=1)
  assert len(net.predict(dataset.test_images[:3])) == 3
  label = labeling(found, judge.recipe, answered)
  again = baseline_like('random', found, dataset, seeds[0], label)
  assert isinstance(again.teacher, StoredLabels)
  assert label is not None
  own = label(replace(found, teacher=None, card={**found.card, 'factor': 1}))
  for ours, theirs in zip(
    store.to_arrays(found).values(), store.to_arrays(own).values(), strict=True
  ):
    np.testing.assert_array_equal(ours, theirs)
  with pytest.raises(UserError, match='nor beside it'):
    baseline_like('random', found, dataset, seeds[0])


def test_stored_answers_go_where_arrays_go(answered: Path, tmp_path: Path):
  found = store.load(answered)
  for form in ('npz', *(['safetensors'] if find_spec('safetensors') else [])):
    rdd_jax.export(found, form, tmp_path / form)
    again = rdd_jax.load(tmp_path / form / f'set.{form}')
    assert store.to_arrays(again).keys() == store.to_arrays(found).keys()
    for name, array in store.to_arrays(found).items():
      np.testing.assert_array_equal(store.to_arrays(again)[name], array)
  lines = rdd_jax.export(found, 'folder', tmp_path / 'folder')
  assert lines[-1].startswith("a teacher's answers were left out")
  plain = rdd_jax.load(tmp_path / 'folder').card
  assert plain['label_kind'] == 'hard'
  assert 'stored_labels' not in plain


def test_other_views_than_those_labeled_are_refused(answered: Path):
  found = store.load(answered)
  with pytest.raises(UserError, match='give 2 or fewer'):
    judge_of(found, load(found.card), epochs=3)
  edited = {**found.card['evaluation'], 'augment': 'flip'}
  odd = replace(found, card={**found.card, 'evaluation': edited})
  with pytest.raises(UserError, match="by augment='', and"):
    judge_of(odd, load(found.card))
  assert isinstance(found.teacher, StoredLabels)
  moved = replace(found.teacher, views=jax.random.key(1))
  with pytest.raises(UserError, match=r'made otherwise here.*install rdd_jax'):
    judge_of(replace(found, teacher=moved), load(found.card))


@pytest.mark.parametrize(
  ('change', 'words'),
  [
    ({'labels.key': None}, r'lacks labels\.key'),
    ({'labels.values': np.ones((2, 20, 3))}, r'float64\[2, 20, 3\]'),
    ({'labels.values': np.ones((2, 20, 3), np.float16)}, 'no probabilities'),
    ({'labels.classes': None}, r'labels\.values is float16\[2, 20, 3\], for'),
    (
      {'labels.classes': np.full((2, 20, 3), 10, np.uint8)},
      r'up to 10; give unsigned\[2, 20, 3\] below 10',
    ),
  ],
)
def test_damaged_answers_are_named(answered: Path, change, words):
  found = store.load(answered)
  arrays = store.to_arrays(found) | change
  arrays = {name: a for name, a in arrays.items() if a is not None}
  card = {k: v for k, v in found.card.items() if k != 'arrays'}
  with pytest.raises(UserError, match=words):
    store.from_arrays(arrays, card, 'here')


def test_recovered_images_come_with_outliers_and_soft_labels(tmp_path: Path):
  """Noise becomes images in [0, 1]; slots begin as corrupted rows."""
  config = tiny(
    'trustdd',
    'labels=soft,outliers=sampled',
    'sre2l',
    **{'steps': 20, 'baselines': ('initial',)},
  )
  pipeline.execute(config, tmp_path)
  found = store.load(tmp_path)
  assert found.card['method'].startswith('recovery')
  assert found.card['label_kind'] == 'stored'
  assert len(found.cells) == 40
  assert 0 <= found.images.min() < found.images.max() <= 1
  np.testing.assert_array_equal(found.targets[20:, 10], 1)
  begun = store.load(tmp_path / 'baselines' / 'initial')
  assert begun.card['label_kind'] == 'stored'
  np.testing.assert_array_equal(found.images[20:], begun.images[20:])
  assert np.abs(found.images[:20] - begun.images[:20]).mean() > 0.01
  lines = (tmp_path / 'metrics.jsonl').read_text().splitlines()
  assert {'cross_entropy', 'statistics'} <= json.loads(lines[-1]).keys()


def test_a_teacher_no_better_than_chance_selects_nothing(tmp_path: Path):
  config = tiny(
    'rded', 'labels=hard', **{'experts.learning_rate': 0.0, 'data.mock': False}
  )
  with pytest.raises(UserError, match=r'the teacher knows .* chance'):
    pipeline.execute(config, tmp_path)


def test_what_does_not_go_together_is_refused(tmp_path: Path):
  with pytest.raises(UserError, match='set steps=0'):
    pipeline.execute(tiny('rded', '', steps=4), tmp_path)
  with pytest.raises(UserError, match='groups of the data set'):
    pipeline.execute(tiny('rded', '', **{'selection.groups': -1}), tmp_path)
  with pytest.raises(UserError, match=r'experts\.epochs=0, and a teacher'):
    pipeline.execute(tiny('rded', '', **{'experts.epochs': 0}), tmp_path)
  config = tiny('rded', 'labels=teacher', **{'evaluation.loss': 'squared'})
  with pytest.raises(UserError, match='labels=teacher, whose answers'):
    pipeline.execute(config, tmp_path)
  with pytest.raises(UserError, match='temperature=4 with labels=hard'):
    tiny('rded', 'labels=hard,temperature=4')
  with pytest.raises(UserError, match='top_k=3 with labels=teacher'):
    tiny('rded', 'labels=teacher,top_k=3')
  with pytest.raises(UserError, match='a label has 10 numbers: give 10'):
    pipeline.execute(tiny('rded', 'labels=epochs,top_k=11'), tmp_path)
  with pytest.raises(UserError, match=r'synthetic\.top_k=-1: give a number'):
    check(tiny('rded', 'labels=epochs,top_k=-1'))
  config = tiny('rded', 'labels=epochs', **{'synthetic.temperature': 0.0})
  with pytest.raises(UserError, match=r'synthetic\.temperature=0'):
    check(config)
