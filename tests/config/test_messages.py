"""What a mistake on the command line is answered by: one line, what to type."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from absl import flags
from helpers import ROOT
import numpy as np
import pytest

from rdd_jax import data
from rdd_jax.config.presets.registry import preset
from rdd_jax.core.errors import UserError
from rdd_jax.data import images, injected
from rdd_jax.experiment.check import check
from rdd_jax.experiment.workdir import claim
from rdd_jax.runtime import cli


def said(capsys: pytest.CaptureFixture[str]) -> str:
  """The one line that was printed."""
  (line,) = capsys.readouterr().err.splitlines()
  return line


@pytest.mark.parametrize(
  ('file', 'words'),
  [
    ('configs/dm_digit.py', 'did you mean configs/dm_digits.py?'),
    ('dm_digits.py', 'did you mean configs/dm_digits.py?'),
    ('config/dm_digits.py', 'did you mean configs/dm_digits.py?'),
    ('configs/qqqqqqqqqqqq.py', 'in configs'),
  ],
)
def test_the_nearest_file(file, words, monkeypatch, capsys):
  monkeypatch.chdir(ROOT)
  with pytest.raises(SystemExit) as left:
    cli._require_files(['main', f'--config={file}:ipc=1'])
  assert left.value.code == 2
  assert words in said(capsys)


def test_a_file_that_is_there_is_no_mistake(monkeypatch):
  monkeypatch.chdir(ROOT)
  cli._require_files(['main', '--config', 'configs/dm_digits.py:ipc=1'])
  cli._require_files(['main', '--distributed', '--config=configs/dm_digits.py'])


@pytest.mark.parametrize(
  ('method', 'dataset', 'arg', 'words'),
  [
    (
      'own',
      'own',
      'normalise=1',
      ('data, labels, task, size, method, defense',),
    ),
    ('tad', 'digits', 'x=1', ('smoke, method, defense',)),
    ('tad', 'digits', 'method=kip,x=1', ('defense, kernel, labels',)),
    ('all_three', 'digits', 'x=1', ('defense', 'outliers', 'rare', 'risk')),
    ('tad', 'digits', 'defence=none', ('defense=none',)),
    ('dm', 'digits', 'size=16', ('--config.data.size=16',)),
    ('dm', 'digits', 'channels=3', ('--config.data.channels=3',)),
    ('dm', 'digits', 'epochs=0', ('--config.evaluation.epochs=0',)),
    ('dm', 'digits', 'ipc=0', ('ipc=0', 'ipc=1')),
  ],
)
def test_an_argument_that_there_is_not(method, dataset, arg, words):
  with pytest.raises(UserError) as error:
    preset(method, dataset)(arg)
  assert all(word in str(error.value) for word in words)
  assert '\n' not in str(error.value)


@pytest.mark.parametrize('arg', ['seeds=0', 'width=0', 'steps=-1', 'ipc=-1'])
def test_a_number_that_cannot_be_meant(arg):
  with pytest.raises(UserError, match=arg) as error:
    check(preset('dm', 'digits')(arg))
  assert '\n' not in str(error.value)


@pytest.mark.parametrize(
  ('given', 'words'),
  [
    ('10.0', 'give a whole number, such as --steps=10'),
    ('1e3', 'give a whole number, such as --steps=1000'),
    ('many', '--steps=many: give a whole number'),
  ],
)
def test_a_number_that_is_not_whole(given, words, capsys):
  values = flags.FlagValues()
  flags.DEFINE_integer('steps', 1, 'Of a run.', flag_values=values)
  with pytest.raises(flags.IllegalFlagValueError) as error:
    values(['main', f'--steps={given}'])
  with pytest.raises(SystemExit):
    cli._explain_number(str(error.value))
  assert words in said(capsys)


@pytest.mark.parametrize(
  ('asked', 'helped'),
  [
    (['--config=x.py', '--help'], ['--config=x.py:,help']),
    (['--config=x.py:a=1', '-h'], ['--config=x.py:a=1,help']),
    (['--help', '--config', 'x.py:a'], ['--config', 'x.py:a,help']),
    (['--help'], ['--help']),
    (['--config=x.py'], ['--config=x.py']),
  ],
)
def test_help_of_a_file(asked, helped):
  assert cli._asking_files(['main', *asked]) == ['main', *helped]


def test_size_and_channels_name_the_flag():
  rgb = np.zeros((2, 8, 8, 3), np.uint8)
  with pytest.raises(UserError, match=r'--config\.data\.channels='):
    images.check_channels(2)
  with pytest.raises(UserError, match=r'--config\.data\.size='):
    images.height_width(-1)
  with pytest.raises(UserError, match=r'--config\.data\.size=8'):
    data.from_arrays(rgb, np.arange(2), rgb[:, :4], np.arange(2))
  with pytest.raises(UserError, match=r'--config\.data\.channels=3'):
    data.from_arrays(rgb, np.arange(2), rgb[..., :1], np.arange(2))


def test_a_directory_that_is_not_to_be_written_to(tmp_path: Path, monkeypatch):
  def refuse(code: int) -> str:
    def mkdir(*_: object, **__: object) -> None:
      raise OSError(code, 'no')

    monkeypatch.setattr(Path, 'mkdir', mkdir)
    with pytest.raises(UserError) as error:
      claim(tmp_path / 'new', preset('dm', 'digits')(''))
    assert '--workdir' in str(error.value)
    return str(error.value)

  assert 'space' not in refuse(errno.EACCES)
  assert 'free some space' in refuse(errno.ENOSPC)


@pytest.mark.parametrize('name', ['cifar10', 'mnist'])
def test_mock_images_are_called_mock_and_real_ones_are_not(name):
  assert injected(data.mock(name, n=10), '', '') == [data.MOCK]
  assert injected(data.load('digits'), '', '') == []


def test_a_selection_of_one_s_own_data_takes_no_steps():
  assert preset('own', 'own')('data=digits,method=rded').steps == 0
  for method in ('dm', 'sre2l'):
    assert preset('own', 'own')(f'data=digits,method={method}').steps == 500


def test_labels_of_one_s_own_data_are_a_file():
  for method in ('dm', 'kip'):
    config = preset('own', 'own')(f'data=digits,labels=y.csv,method={method}')
    assert config.data.labels == 'y.csv'
    assert config.synthetic.labels == 'hard'


@pytest.mark.parametrize(
  ('error', 'words'),
  [
    (OSError(errno.ENOSPC, 'no', '/x/a'), 'intact: free some space, or'),
    (OSError(errno.EROFS, 'no', '/x/a'), 'intact: allow writing there, or'),
    (IsADirectoryError(errno.EISDIR, 'no', '/x/a'), "'/x/a'"),
    (OSError('no config'), 'no config'),
  ],
)
def test_a_file_that_fails_names_flags_that_there_are(
  error: OSError, words: str, monkeypatch, capsys
):
  values = flags.FlagValues()
  flags.DEFINE_string('html', '', 'A page.', flag_values=values)
  monkeypatch.setattr(flags, 'FLAGS', values)
  with pytest.raises(SystemExit):
    cli._explain(error)
  line = said(capsys)
  assert words in line
  assert line.endswith('choose another --html' if 'intact' in words else words)


def test_a_file_that_cannot_be_read_is_not_to_be_written(
  tmp_path: Path, monkeypatch, capsys
):
  monkeypatch.setattr(os, 'access', lambda *_: False)
  with pytest.raises(SystemExit):
    cli._explain(PermissionError(errno.EACCES, 'no', str(tmp_path / 'card')))
  assert said(capsys).endswith("card'; allow reading there")
