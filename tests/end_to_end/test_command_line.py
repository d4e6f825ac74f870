"""`rdd-jax COMMAND` is `python -m rdd_jax.COMMAND`."""

from __future__ import annotations

import ast
import os
import subprocess
import sys

from helpers import ROOT
import pytest

import rdd_jax
from rdd_jax import __main__ as commands

ENVIRONMENT = {**os.environ, 'PYTHONPATH': str(ROOT)}


def run(*words: str) -> subprocess.CompletedProcess[str]:
  return subprocess.run(
    [sys.executable, '-m', *words],
    capture_output=True,
    text=True,
    env=ENVIRONMENT,
    check=False,
  )


def test_the_commands_are_listed_with_a_line_each(capsys):
  assert commands.main([]) == 0
  assert commands.main(['--help']) == 0
  out = capsys.readouterr().out
  for name in commands.COMMANDS:
    (line,) = {row for row in out.splitlines() if row.startswith(f'  {name} ')}
    assert line.split(maxsplit=1)[1].endswith('.')
    assert len(line) <= 80
  assert commands.main(['--version']) == 0
  assert capsys.readouterr().out == f'rdd_jax {rdd_jax.__version__}\n'


def test_every_command_of_the_package_is_listed():
  """A command is a module that says what `python -m` makes of it."""
  there = {
    str(file.relative_to(ROOT).with_suffix('')).replace('/', '.')
    for file in (ROOT / 'rdd_jax').rglob('*.py')
    if 'cli.start(main' in file.read_text()
  }
  assert there == set(commands.COMMANDS.values())


def test_an_unknown_command_names_the_nearest(capsys):
  assert commands.main(['evalute', 'x']) == 2
  error = capsys.readouterr().err
  assert error.count('\n') == 1
  assert error.startswith("error: unknown command 'evalute': did you mean 'eva")


@pytest.mark.parametrize(
  ('words', 'status', 'said'),
  [
    (['evaluate'], 2, 'error: give one distilled set'),
    (['compare', '--help'], 1, '--html'),  # absl's status
  ],
)
def test_a_command_says_and_leaves_as_it_does_alone(words, status, said):
  name, *rest = words
  alone = run(f'rdd_jax.{name}', *rest)
  here = run('rdd_jax', *words)
  assert here.returncode == alone.returncode == status
  assert (here.stdout, here.stderr) == (alone.stdout, alone.stderr)
  assert said in here.stdout + here.stderr


def test_the_console_script_starts_it():
  tree = ast.parse((ROOT / 'setup.py').read_text())
  scripts = [
    node.value
    for node in ast.walk(tree)
    if isinstance(node, ast.Constant)
    and str(node.value).startswith('rdd-jax = ')
  ]
  assert scripts == [f'rdd-jax = {commands.__name__}:{commands.main.__name__}']


def test_output_that_nobody_reads_to_its_end_is_no_error():
  """As `:show | head -n 1` leaves it."""
  script = (
    f'{sys.executable} -m rdd_jax.main --config=configs/dm_digits.py:show'
    ' | head -n 1; exit ${PIPESTATUS[0]}'
  )
  done = subprocess.run(
    ['bash', '-c', script], cwd=ROOT, capture_output=True, text=True
  )
  assert done.stderr == ''
  assert done.returncode in (0, 141)  # 0 where all of it was written in time
