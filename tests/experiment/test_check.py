"""What is wrong in a configuration is found before any time is spent."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from rdd_jax.config.build.objectives import OBJECTIVES, namespace
from rdd_jax.config.presets import digits
from rdd_jax.core.errors import UserError
from rdd_jax.experiment import ablations, workdir
from rdd_jax.experiment.check import check


@pytest.mark.parametrize(
  ('field', 'value', 'words'),
  [
    ('baselines', ('random', 'herdin'), ["did you mean 'herding'"]),
    ('baselines', ('random,herding',), ["('random', 'herding')"]),
    ('baselines', ('random', 'random'), ['names one twice']),
    ('shift.corruptions', ('fogg',), ["did you mean 'fog'"]),
    ('shift.attacks', ('fgsm2',), ["did you mean 'fgsm'"]),
    ('shift.attacks', ('fgsm-0',), ['above 0', 'fgsm-2']),
    ('shift.density', 'pixel', ["did you mean 'pixels'"]),
    ('shift.severities', (0, 3), ['(1, 2, 3, 4, 5)']),
    ('shift.clusters', 1, ['shift.clusters=1', '2 or more']),
    ('outside.sets', ('gausian',), ["did you mean 'gaussian'"]),
    ('outside.missing', 'raises', ["did you mean 'raise'"]),
    ('outside.rows', 0, ['--config.outside.rows=1']),
    ('evaluation.networks', ('mpl',), ["did you mean 'mlp'"]),
    ('evaluation.networks', ('convnet:widht=3',), ["did you mean 'width'"]),
    ('evaluation.schedule', 'cosin', ["did you mean 'cosine'"]),
    ('evaluation.epochs', 0, ['--config.evaluation.epochs=1']),
    ('evaluation.ema', float('nan'), ['evaluation.ema=nan']),
    ('whole.augment', 'flipp', ['flip']),
    ('synthetic.ipc', 0, ['synthetic.ipc=0']),
    ('seeds', 0, ['seeds=0']),
    ('network.width', 0, ['network.width=0']),
    ('steps', -1, ['steps=-1']),
    ('checkpoint_every', 0, ['checkpoint_every=0']),
    ('precision', 'float23', ["did you mean 'float32'"]),
    ('optimizer.name', 'sdg', ["did you mean 'sgd'"]),
    ('optimizer.betas', (0.5,), ['optimizer.betas=(0.5,)', 'two numbers']),
    ('optimizer.betas', ('a', 'b'), ["betas=('a', 'b')", 'two numbers']),
    ('experts.schedule', 'cosin', ["did you mean 'cosine'"]),
    ('data.channels', 2, ['channels is 2']),
    ('data.noise', 'symetric-0.4', ["did you mean 'symmetric'"]),
    ('data.rare', 'lime-0.1', ["did you mean 'line'"]),
    ('experts.directory', 'buffers.npz', ['experts.directory', 'buffers']),
  ],
)
def test_a_wrong_field_is_one_line(field: str, value: Any, words: list[str]):
  config = digits.dm('smoke,width=4')
  config.update_from_flattened_dict({field: value})
  with pytest.raises(UserError) as error:
    check(config)
  assert '\n' not in str(error.value)
  for word in words:
    assert word in str(error.value)


# Paths, and what is looked up where a run is built, before its first step.
FREE = {
  'name',
  'data.labels',
  'data.name',
  'data.data_dir',
  'data.human_labels',
  'experts.directory',
  'synthetic.init',
}


def wild(value: Any) -> list[Any]:
  if isinstance(value, bool | dict):
    return []
  if isinstance(value, int):
    return [-7]
  if isinstance(value, float):
    return [-7.0, float('nan'), float('inf')]
  return ['wild'] if isinstance(value, str) else [('wild',)]


@pytest.mark.parametrize('objective', OBJECTIVES)
def test_no_field_takes_whatever_it_is_given(objective: str):
  config = digits.dm('smoke,width=4')
  config.objective = namespace(objective)
  check(config)
  for field, value in workdir.flat(config.to_dict()).items():
    for given in wild(value) if field not in FREE else ():
      changed = copy.deepcopy(config)
      changed.update_from_flattened_dict({field: given})
      with pytest.raises(UserError) as error:
        check(changed)
      said = str(error.value)
      assert '\n' not in said
      assert str(given) in said or 'wild' in said, field


def test_ones_own_objective_has_fields_of_its_own():
  config = digits.dm('smoke,width=4')
  config.objective = namespace('package.module:mine', convention='x', pool=-1)
  check(config)


def test_a_work_directory_is_no_file(tmp_path: Path):
  config = digits.dm('smoke,width=4')
  check(config, tmp_path / 'run')
  with pytest.raises(UserError, match=r'give .*/run$'):
    check(config, tmp_path / 'run.npz')
  (tmp_path / 'file').write_text('')
  with pytest.raises(UserError, match='name of a file'):
    check(config, tmp_path / 'file')


def test_variants_are_checked_before_the_first_runs():
  config = digits.dm('smoke,width=4')
  config.variants = {'plain': {'without': (), 'baselines': ('herdin',)}}
  with pytest.raises(UserError, match='herdin'):
    ablations.check_all(config)
