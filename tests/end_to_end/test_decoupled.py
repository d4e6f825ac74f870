"""A teacher, what it selects and labels, under every protection at once."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rdd_jax.artifact import store
from rdd_jax.config.defaults import Config
from rdd_jax.config.presets.registry import preset
from rdd_jax.core.errors import UserError
from rdd_jax.experiment import pipeline
from rdd_jax.experiment.baselines import baseline_like
from rdd_jax.experiment.judge import judge_of, load
from rdd_jax.experiment.trial import network_keys
from rdd_jax.records import storage
from rdd_jax.runtime.stopping import Stopped


def tiny(protection: str, arg: str, method: str = 'rded', **changes) -> Config:
  """A teacher of 40 steps, two images of a class, one network of two epochs."""
  more = f'method={method},variants=false,' if protection == 'all_three' else ''
  more = more or ('' if protection == method else f'method={method},')
  config = preset(protection, 'digits')(f'smoke,width=8,ipc=2,{more}{arg}')
  config.unlock()
  config.update_from_flattened_dict(
    {
      'seeds': 1,
      'devices': 1,
      'experts.epochs': 2,
      'experts.epoch_steps': 20,
      'evaluation.epochs': 2,
      'evaluation.seeds': 1,
      'whole.steps': 0,
      'shift.corruptions': (),
      'outside.sets': (),
      'baselines': ('random',),
      **changes,
    }
  )
  return config


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


def test_a_set_is_judged_again_under_its_own_teacher(everything: Path):
  found = store.load(everything)
  dataset = load(found.card, training=True)
  judge, seeds = judge_of(found, dataset), network_keys(0, 1)
  (row,) = judge(found, seeds).values()
  written = json.loads((everything / 'results.json').read_text())['rows']
  assert row['accuracy']['mean'] == pytest.approx(
    written['distilled']['accuracy']['mean'], abs=1e-6
  )
  rival = baseline_like('random', found, dataset, seeds[0])
  assert rival.card['label_kind'] == 'teacher'
  assert rival.teacher is found.teacher


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
  config = tiny('rded', 'labels=teacher', **{'evaluation.loss': 'squared'})
  with pytest.raises(UserError, match='labels=teacher, whose answers'):
    pipeline.execute(config, tmp_path)
