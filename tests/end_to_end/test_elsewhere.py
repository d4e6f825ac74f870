"""A run that is resumed elsewhere ends as where it began.

Bit for bit, where devices and threads are as many.
"""

from __future__ import annotations

import os
from pathlib import Path
import shutil
import subprocess
import sys

from end_to_end import fault_cases as cases
from end_to_end.pair_cases import PATHS, assert_close
from marks import slow_but
import pytest

FAMILIES = slow_but(['dm'], ['dm', 'mtt', 'tad'])


def _stopped(home: Path, family: str, asked: int) -> None:
  """Begins a run, which is stopped when it has asked so often."""
  home.mkdir()
  assert cases.run(home, family, stop=cases.after(asked)) == 'stopped'


@pytest.fixture(scope='module')
def wholes() -> dict[str, dict[str, bytes]]:
  return {}


@pytest.fixture
def whole(family: str, wholes: dict, tmp_path: Path) -> dict[str, bytes]:
  if family not in wholes:
    (tmp_path / 'whole').mkdir()
    assert cases.run(tmp_path / 'whole', family) == ''
    wholes[family] = cases.outputs(tmp_path / 'whole')
  return wholes[family]


@pytest.mark.parametrize('family', FAMILIES)
@pytest.mark.parametrize('asked', [3])
def test_from_another_directory_by_a_relative_path(
  family: str,
  asked: int,
  whole: dict,
  tmp_path: Path,
  monkeypatch: pytest.MonkeyPatch,
):
  _stopped(tmp_path / 'home', family, asked)
  (tmp_path / 'elsewhere').mkdir()
  monkeypatch.chdir(tmp_path / 'elsewhere')
  assert cases.run(Path('../home'), family) == ''
  assert cases.outputs(tmp_path / 'home') == whole
  assert not any((tmp_path / 'elsewhere').iterdir())


@pytest.mark.parametrize('family', FAMILIES)
@pytest.mark.parametrize('asked', [3])
def test_a_copy_by_another_name(
  family: str, asked: int, whole: dict, tmp_path: Path
):
  """With what stands beside it, or, as of the second, without."""
  _stopped(tmp_path / 'home', family, asked)
  shutil.copytree(tmp_path / 'home', tmp_path / 'copy')
  (tmp_path / 'bare').mkdir()
  shutil.copytree(tmp_path / 'home' / 'run', tmp_path / 'bare' / 'run')
  shutil.rmtree(tmp_path / 'home')
  for name in ('copy', 'bare'):
    assert cases.run(tmp_path / name, family) == ''
    assert cases.outputs(tmp_path / name) == whole


BEGIN = """
import sys
from pathlib import Path
from end_to_end import fault_cases as cases
home, family, asked = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
print(cases.run(home, family, stop=cases.after(asked)))
"""


# Not TAD: rounding flips ReLUs of its probes; tests/robust/test_probing.py.
@pytest.mark.parametrize('family', FAMILIES[:2])
@pytest.mark.parametrize('asked', [3])
@pytest.mark.parametrize('counts', slow_but([(1, 4)], [(1, 4), (4, 2)]))
def test_on_other_devices(
  family: str, asked: int, counts: tuple[int, int], whole: dict, tmp_path: Path
):
  """Up to rounding: sums over devices round in another order."""
  home = tmp_path / 'home'
  home.mkdir()
  stop = cases.after(asked)
  assert cases.run(home, family, stop=stop, devices=counts[0]) == 'stopped'
  assert cases.run(home, family, devices=counts[1]) == ''
  _write(tmp_path / 'whole' / 'run', whole)
  assert_close(tmp_path / 'whole' / 'run', home / 'run')


@pytest.mark.parametrize('family', slow_but([], ['dm', 'mtt', 'tad']))
@pytest.mark.parametrize('asked', [3])
@pytest.mark.parametrize('threads', [1, 3])
def test_with_other_threads(
  family: str, asked: int, threads: int, whole: dict, tmp_path: Path
):
  """Up to rounding; of a process that begins with as many as XLA is told."""
  home = tmp_path / 'home'
  home.mkdir()
  said = subprocess.run(
    [sys.executable, '-c', BEGIN, str(home), family, str(asked)],
    env={**os.environ, 'PYTHONPATH': PATHS, 'NPROC': str(threads)},
    capture_output=True,
    text=True,
    check=True,
  ).stdout
  assert said.splitlines()[-1] == 'stopped'
  assert cases.run(home, family) == ''
  _write(tmp_path / 'whole' / 'run', whole)
  assert_close(tmp_path / 'whole' / 'run', home / 'run')


def _write(directory: Path, outputs: dict[str, bytes]) -> None:
  directory.mkdir(parents=True, exist_ok=True)
  for name, data in outputs.items():
    (directory / name).write_bytes(data)
