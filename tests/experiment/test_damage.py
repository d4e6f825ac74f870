"""What a run has done and finds damaged, it does again, and says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from rdd_jax.experiment.trial import remember
from rdd_jax.runtime.files import read_summed, write_summed


def _cut(path: Path) -> None:
  path.write_bytes(path.read_bytes()[:-2])


def _other_number(path: Path) -> None:
  """JSON as good as before."""
  path.write_text(path.read_text().replace('0.5', '0.6'))


@pytest.mark.parametrize('harm', [_cut, _other_number, Path.unlink])
def test_an_evaluation_is_made_again(tmp_path: Path, harm, capsys):
  path, made = tmp_path / 'evaluations' / 'a.json', []

  def compute():
    made.append(0)
    return {'accuracy': 0.5}

  for _ in range(2):
    assert remember(path, compute) == {'accuracy': 0.5}
  assert len(made) == 1
  harm(path)
  gone = not path.exists()
  assert remember(path, compute) == {'accuracy': 0.5}
  assert remember(path, compute) == {'accuracy': 0.5}
  assert len(made) == 2
  assert ('is damaged: it is made again' in capsys.readouterr().out) != gone


def test_an_evaluation_of_an_earlier_version_has_no_sum(tmp_path: Path):
  (tmp_path / 'a.json').write_text('{"accuracy": 0.25}')
  assert remember(tmp_path / 'a.json', dict) == {'accuracy': 0.25}
  (tmp_path / 'a.json').write_text('{"accuracy": 0.2')
  assert remember(tmp_path / 'a.json', dict) == {}


def test_a_sum_that_was_left_by_a_kill_is_not_believed(tmp_path: Path):
  """Of another content: either there is none, or it is of what is there."""
  path = tmp_path / 'a.json'
  write_summed(path, b'1')
  path.write_bytes(b'2')
  assert read_summed(path) is None
  write_summed(path, b'2')
  assert read_summed(path) == b'2'
