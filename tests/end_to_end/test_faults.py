"""Ten faults, at moments drawn by a seed: nothing is lost, bit for bit.

`tests/faults.py` injects hundreds, in every family.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
import shutil

from end_to_end import fault_cases as cases
from end_to_end.fault_killer import Killer
import faults
import numpy as np
import pytest

pytestmark = pytest.mark.slow  # fourteen runs, some of them killed


@pytest.fixture(scope='module')
def killer() -> Iterator[Killer]:
  with Killer() as found:
    yield found


@pytest.fixture(scope='module')
def wholes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
  return tmp_path_factory.mktemp('faults'), {}


@pytest.mark.parametrize('number', range(10))
def test_a_run_is_none_the_worse(
  number: int, killer: Killer, wholes: tuple[Path, dict]
):
  place, known = wholes
  family = ('dm', 'kip')[number % 2]
  kind = [*cases.KINDS, 'flipped'][number]
  if kind == 'read-only' and not cases.can_deny(place):
    pytest.skip('this user writes whatever the modes are')
  if family not in known:
    known[family] = faults.whole(place, family)
  rng = np.random.default_rng(number)
  found = faults.inject(place, killer, family, kind, known[family], rng)
  assert found.end in ('equal', 'explained'), found


HARMS = {
  'other numbers': lambda path: path.write_text(
    path.read_text().replace('"mean": 0.', '"mean": 0.9')
  ),
  'cut': lambda path: path.write_bytes(path.read_bytes()[:-9]),
  'gone': Path.unlink,
}


@pytest.mark.parametrize(
  ('name', 'harm'),
  [
    *(('results.json', harm) for harm in HARMS),
    *(('distilled.npz', harm) for harm in ('cut', 'gone')),
  ],
)
def test_outputs_of_a_finished_run_are_made_again(
  name: str, harm: str, wholes: tuple[Path, dict], capsys
):
  place, known = wholes
  if 'dm' not in known:
    known['dm'] = faults.whole(place, 'dm')
  home = place / 'harmed'
  shutil.rmtree(home, ignore_errors=True)
  shutil.copytree(place / 'dm', home)
  HARMS[harm](home / 'run' / name)
  capsys.readouterr()
  assert cases.run(home, 'dm') == ''
  assert cases.outputs(home) == known['dm'].outputs
  said = capsys.readouterr().out
  assert 'nothing to do' not in said
  assert 'distilling 1/1 0/6' not in said  # no step is taken again
  cases.run(home, 'dm')
  assert 'nothing to do' in capsys.readouterr().out
