"""Argument strings: parsing, `:help`, `:show`, and the tables behind them."""

from __future__ import annotations

import subprocess
import sys
from typing import get_args

from helpers import ROOT
import pytest

from rdd_jax.config import arguments
from rdd_jax.config.arguments import Argument
from rdd_jax.config.difference import show
from rdd_jax.config.presets import groups, label_noise, ood, regression
from rdd_jax.config.presets.methods import METHODS, PROTECTIONS
from rdd_jax.config.presets.options import ARGUMENTS, COMMON
from rdd_jax.config.presets.registry import preset
from rdd_jax.core.errors import UserError
from rdd_jax.data.ood.overlap import Overlap


def run(config: str, *flags: str) -> subprocess.CompletedProcess[str]:
  command = (sys.executable, '-m', 'rdd_jax.main', f'--config=configs/{config}')
  return subprocess.run(
    (*command, *flags), cwd=ROOT, capture_output=True, text=True
  )


def test_parse_keeps_types():
  found = arguments.parse('a=2,b,c=x', a=1, b=False, c='', d=0.5)
  assert found == {'a': 2, 'b': True, 'c': 'x', 'd': 0.5}


def test_the_last_value_of_a_key_counts():
  assert arguments.parse('a=2,a=3', a=1) == {'a': 3}


@pytest.mark.parametrize('parse', [arguments.parse, arguments.split])
def test_a_former_name_is_refused_with_the_new_one(parse):
  with pytest.raises(UserError) as error:
    parse('defence=oracle', defense='tad', defence='')
  assert 'config argument defence is now called defense' in str(error.value)
  assert 'defense=oracle' in str(error.value)


def test_choices():
  outliers = Argument('poe', choices=('poe', 'oe:SOURCE'))
  assert arguments.parse('x=oe:tfds:dtd', x=outliers) == {'x': 'oe:tfds:dtd'}
  with pytest.raises(UserError, match="unknown x 'po': did you mean 'poe'"):
    arguments.parse('x=po', x=outliers)


@pytest.mark.parametrize(
  ('name', 'table'),
  [
    ('kernel', regression.KERNELS),
    ('defense', {'none', *label_noise.DEFENSES, *label_noise.TRAINED}),
    ('loss', ood.LOSSES),
    ('families', ood.FAMILIES),
    ('groups', groups.GROUPS),
    ('risk', {'none', 'equal', 'dro', *groups.ACROSS}),
    ('trained', {'synthetic', 'real', *groups.ACROSS}),
    ('overlap', get_args(Overlap)),
  ],
)
def test_choices_are_what_presets_know(name, table):
  assert set(ARGUMENTS[name].choices) == set(table)


def test_every_argument_is_some_methods_and_has_a_meaning():
  every = {**METHODS, **PROTECTIONS}.values()
  taken = {name for method in every for name in method.takes}
  assert taken == set(ARGUMENTS) - set(COMMON)
  assert all(argument.meaning for argument in ARGUMENTS.values())


@pytest.mark.parametrize(
  ('method', 'dataset'),
  [(m, 'cifar10') for m in {**METHODS, **PROTECTIONS} if m != 'quickstart']
  + [('quickstart', 'digits')],
)
def test_help_lists_what_can_be_given(method, dataset, capsys):
  with pytest.raises(SystemExit) as left:
    preset(method, dataset, seeds=7)('ipc=1,help')
  printed = capsys.readouterr().out
  assert left.value.code == 0
  assert max(map(len, printed.splitlines())) <= 80
  assert '  seeds=7\n' in printed
  for name in {**METHODS, **PROTECTIONS}[method].takes:
    assert f'\n  {name}=' in printed


def test_help_of_a_command():
  done = run('tad_digits.py:help')
  assert (done.returncode, done.stderr) == (0, '')
  assert '  defense=tad\n' in done.stdout
  assert '  ipc=1\n' in done.stdout
  assert 'described' in done.stdout
  assert 'datm' not in done.stdout  # has no setting on digits
  assert 'With method=kip also:\n  kernel=' in done.stdout


def test_show_of_a_command_has_all_fields_as_the_flags_leave_them():
  done = run('dm_digits.py:ipc=2,show', '--config.evaluation.epochs=7')
  assert (done.returncode, done.stderr) == (0, '')
  lines = done.stdout.splitlines()
  assert '* synthetic.ipc = 2' in lines
  assert '* evaluation.epochs = 7' in lines
  assert "  data.name = 'digits'" in lines
  assert len(lines) > 100


def test_show_marks_links_that_no_default_has():
  lines = show(preset('tad', 'digits')('show')).splitlines()
  assert "* transform.trust.factory = 'trust_aware'" in lines
  assert '  transform = {}' not in lines


def test_the_name_of_a_run_and_the_arguments_of_a_file():
  get_config = preset('tad', 'cifar10', noise='human-worse', name='mine')
  assert get_config('').name == 'mine'
  assert get_config('').data.noise == 'human-worse'
  assert get_config('noise=pair-0.4').data.noise == 'pair-0.4'


@pytest.mark.parametrize(
  ('names', 'words'),
  [
    (('dmm', 'digits'), "did you mean 'dm'"),
    (('dm', 'cifar11'), "did you mean 'cifar10'"),
  ],
)
def test_a_preset_that_is_not_there(names, words):
  with pytest.raises(UserError, match=words):
    preset(*names)


@pytest.mark.parametrize(
  ('method', 'arg', 'field'),
  [('tad', 'defense=elr', 'probe'), ('trustdd', '', 'ood_sets')],
)
def test_what_is_not_known_of_a_data_set_says_so(method, arg, field):
  with pytest.raises(UserError, match=f"no {field} for 'celeba'.*cifar10"):
    preset(method, 'celeba')(arg)
