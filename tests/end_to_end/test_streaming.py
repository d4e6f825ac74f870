"""A run whose images stay on disk ends as one that holds them in memory."""

from __future__ import annotations

from collections.abc import Callable
import json
from pathlib import Path
import shutil

from end_to_end.decoupled_cases import SHORT
import numpy as np
import pytest

from rdd_jax import data
from rdd_jax.config.defaults import Config
from rdd_jax.config.presets.registry import preset
from rdd_jax.core.errors import UserError
from rdd_jax.experiment import pipeline
from rdd_jax.runtime import cli
from rdd_jax.runtime.stream import StreamReader

EVERYTHING = 'rare=line-0.1,noise=symmetric-0.4,outliers=poe,variants=false,'
PLAIN = ('dm', 'dsa', 'frepo', 'kip', 'rcig', 'rded', 'sre2l')
PROTECTED = {
  'all_three, dm': ('all_three', EVERYTHING + 'method=dm'),
  'all_three, rded': (
    'all_three',
    EVERYTHING + 'method=rded,labels=teacher,defense=tad',
  ),
  'elr': ('tad', 'noise=symmetric-0.4,method=dm,defense=elr'),
  'groups found': ('groupdro', 'rare=line-0.1,groups=found,method=dm'),
  'difficult': ('groupdro', 'rare=line-0.1,groups=difficult,method=dm'),
}


def tiny(protection: str, arg: str, folder: Path, **changes) -> Config:
  config = preset(protection, 'digits')(f'smoke,width=8,ipc=2,{arg}')
  config.unlock()
  config.update_from_flattened_dict(
    {
      'data.name': f'folder:{folder}',
      'data.workers': 1,
      **SHORT,
      'experts.epoch_steps': 10,
      **changes,
    }
  )
  if config.steps:
    config.steps, config.steps_per_call = 2, 2
  return config


def require_equal(make: Callable[..., Config], tmp_path: Path) -> None:
  """Runs a configuration both ways, and compares all that they write.

  Rows and their order are the same. Programs are not quite, and as these tests
  compile them, without optimizations, neighboring operations may be rounded
  otherwise.
  """
  results, sets = [], []
  for stream in (False, True):
    directory = tmp_path / str(stream) / 'run'
    pipeline.execute(make(**{'data.stream': stream}), directory)
    results.append(json.loads((directory / 'results.json').read_text())['rows'])
    sets.append(dict(np.load(directory / 'distilled.npz')))
  for arm, row in results[0].items():
    assert row is None or row['accuracy'] == results[1][arm]['accuracy']
  assert sets[0].keys() == sets[1].keys()
  for name, values in sets[0].items():
    if values.dtype.kind == 'f':
      np.testing.assert_allclose(values, sets[1][name], 0, 1e-3, err_msg=name)
    else:
      np.testing.assert_array_equal(values, sets[1][name], name)


@pytest.mark.slow
def test_tad_and_the_whole_set(folder: Path, tmp_path: Path):
  require_equal(
    lambda **c: tiny(
      'tad',
      'noise=symmetric-0.4,method=dm',
      folder,
      **{
        'whole.steps': 20,
        'whole.seeds': 1,
        'baselines': ('random', 'herding'),
        **c,
      },
    ),
    tmp_path,
  )


@pytest.mark.slow
def test_a_file_that_vanishes_is_named_and_the_run_goes_on_when_it_is_back(
  folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
  config = tiny('dm', '', folder, **{'data.stream': True, 'steps': 4})
  config.steps, config.steps_per_call = 4, 1
  config.checkpoint_every = 1
  pipeline.execute(config, tmp_path / 'whole')
  read, calls = StreamReader.read, []
  gone = sorted(folder.glob('train/3/*.png'))
  away = folder.parent / 'away'

  def late(self: StreamReader, rows: np.ndarray) -> np.ndarray:
    calls.append(rows)
    if len(calls) == 25:  # ten reads of a step, and those before
      (folder / 'train/3').rename(away)
    return read(self, rows)

  monkeypatch.setattr(StreamReader, 'read', late)
  with pytest.raises(Exception, match=r'train/3/\d+\.png is missing') as found:
    pipeline.execute(config, tmp_path / 'parted')
  assert 'give the same command again' in cli._of_reader(found.value)
  away.rename(folder / 'train/3')
  assert all(path.exists() for path in gone)
  monkeypatch.undo()
  pipeline.execute(config, tmp_path / 'parted')
  whole, parted = (
    dict(np.load(tmp_path / name / 'distilled.npz'))
    for name in ('whole', 'parted')
  )
  np.testing.assert_array_equal(whole['images'], parted['images'])


def test_damaged_files_are_left_out_and_counted_up_to_a_share(
  folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
  copy = tmp_path / 'digits'
  shutil.copytree(folder, copy)
  files = sorted(copy.glob('train/*/*.png'))
  said = []
  for count in (20, 40):
    for file in files[:count]:
      file.write_bytes(b'no image')
    for stream in (False, True):
      if count == 20:
        found = data.load(f'folder:{copy}', stream=stream, workers=1)
        said.append((found.notes, found.train_labels.tolist()))
        assert len(found.train_images) == len(files) - count
      else:
        with pytest.raises(UserError, match=r'of 649 .* more than 5%') as e:
          data.load(f'folder:{copy}', stream=stream, workers=1)
        said.append(str(e.value))
  assert said[0] == said[1]
  assert '20 of' in said[0][0][0]
  assert said[2] == said[3]


@pytest.mark.slow
@pytest.mark.parametrize('method', ['dm', 'frepo'])
def test_rows_of_steps_are_read_ahead(
  folder: Path, tmp_path: Path, method: str, monkeypatch
):
  """All but those of the first step; by class, or all of a step at once."""
  config = tiny(method, '', folder, **{'data.stream': True})
  config.steps, config.steps_per_call = 6, 2
  rows = config.real_rows * 10
  hits, read = [], StreamReader.read

  def noted(self: StreamReader, numbers: np.ndarray) -> np.ndarray:
    key = numbers.astype(np.int64).tobytes()
    if self._order.shape == (4, rows) and key in self._lines(len(numbers)):
      hits.append(key in self._asked)
    return read(self, numbers)

  monkeypatch.setattr(StreamReader, 'read', noted)
  pipeline.execute(config, tmp_path)
  first = 10 if method == 'dm' else 1
  assert hits == [False] * first + [True] * 5 * first


@pytest.mark.slow
@pytest.mark.parametrize('method', PLAIN)
def test_each_method(folder: Path, tmp_path: Path, method: str):
  require_equal(lambda **c: tiny(method, '', folder, **c), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize('name', PROTECTED)
def test_each_protection(folder: Path, tmp_path: Path, name: str):
  protection, arg = PROTECTED[name]
  require_equal(lambda **c: tiny(protection, arg, folder, **c), tmp_path)
