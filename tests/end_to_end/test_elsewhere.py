"""A run that is resumed elsewhere ends as where it began, bit for bit."""

from __future__ import annotations

from pathlib import Path
import shutil

from end_to_end import fault_cases as cases
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
