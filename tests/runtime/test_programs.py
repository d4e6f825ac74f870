"""Compiled programs are kept, for one kind of machine, and never in the way."""

from __future__ import annotations

import os
from pathlib import Path
import subprocess
import sys

from helpers import ROOT
import pytest

from rdd_jax.runtime import programs

# As a command does it; says the bits of a result and what was compiled.
RUN = """
import sys
from absl import flags
import jax
from rdd_jax.runtime import programs

flags.FLAGS(sys.argv)
missed = []
jax.monitoring.register_event_listener(
  lambda name, **_: missed.append(name) if name.endswith('_misses') else None
)
programs.keep()
found = jax.jit(lambda x: jax.numpy.sin(x) @ x)(jax.numpy.ones((9, 9)))
print(len(missed), jax.numpy.asarray(found).tobytes().hex())
"""


def run(home: Path, *given: str, **env: str) -> tuple[int, str, str]:
  """Number of programs that were kept, the bits, and what was said."""
  inherited = {k: v for k, v in os.environ.items() if not k.startswith('JAX_C')}
  inherited.pop('JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS')
  done = subprocess.run(
    [sys.executable, '-c', RUN, *given],
    env=inherited
    | {'PYTHONPATH': str(ROOT), 'XDG_CACHE_HOME': str(home), **env},
    capture_output=True,
    text=True,
    check=True,
  )
  missed, bits = done.stdout.split()
  return int(missed), bits, done.stderr


def entries(home: Path) -> list[Path]:
  return sorted(home.glob('rdd_jax/programs/*/*-cache'))


def test_a_second_process_compiles_nothing_and_a_damaged_one_heals(tmp_path):
  missed, bits, said = run(tmp_path)
  assert missed == len(entries(tmp_path)) > 0
  assert run(tmp_path) == (0, bits, said) == (0, bits, '')
  damaged = [path for path in entries(tmp_path) if 'lambda' in path.name]
  for path in damaged:
    path.write_bytes(path.read_bytes()[:-20])
  again, same, said = run(tmp_path)
  assert (again, same) == (len(damaged), bits)
  (line,) = said.splitlines()
  assert line.startswith('note: reading jit__lambda in ')
  assert run(tmp_path) == (0, bits, '')
  elsewhere = tmp_path / 'mine'
  assert run(tmp_path, f'--compilation_cache={elsewhere}') == (missed, bits, '')
  assert list(elsewhere.glob('*/*-cache'))


def test_off_and_the_directory_of_jax_leave_the_home_alone(tmp_path):
  _, bits, _ = run(tmp_path, '--compilation_cache=off')
  own = str(tmp_path / 'own')
  assert run(tmp_path, JAX_COMPILATION_CACHE_DIR=own)[1] == bits
  assert [path.name for path in tmp_path.iterdir()] in ([], ['own'])


@pytest.mark.parametrize('home', ['file', '~nobody-of-this-name'])
def test_a_home_that_cannot_be_written_to(tmp_path, monkeypatch, home):
  monkeypatch.chdir(tmp_path)
  Path('file').touch()
  missed, _, said = run(Path(home))
  assert missed
  (line,) = said.splitlines()
  assert line.startswith('note: ')
  assert len(list(tmp_path.iterdir())) == 1


def test_tests_leave_the_home_alone():
  assert os.environ['JAX_COMPILATION_CACHE_DIR']


def test_the_oldest_are_removed_first(tmp_path):
  files = [tmp_path / name for name in 'abc']
  for when, file in zip((2, 1, 3), files, strict=True):
    file.write_bytes(bytes(10))
    os.utime(file, (when, 5))
  programs.trim([*files, tmp_path / 'gone'], 30)
  assert len(list(tmp_path.iterdir())) == 3
  programs.trim(files, 29)
  assert [path.name for path in tmp_path.iterdir()] == ['c']


@pytest.mark.parametrize('changed', range(3))
def test_each_version_and_processor_has_its_own(changed):
  about = ['0.1', '0.2', 'avx']
  other = [text + 'x' * (i == changed) for i, text in enumerate(about)]
  assert programs._kind(*about) == programs._kind(*about)
  assert programs._kind(*about) != programs._kind(*other)
  assert programs._processor() == programs._processor() != ''
