"""What a run took: each second once, over all its parts, and never a result."""

from __future__ import annotations

import json
from pathlib import Path
import time

import pytest

from rdd_jax.experiment import loop
from rdd_jax.runtime import cost
from rdd_jax.runtime.cost import Clock


def read(directory: Path) -> dict:
  return json.loads((directory / cost.FILE).read_text())


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
  """A clock that stands until it is set."""
  value = [100.0]
  monkeypatch.setattr(time, 'monotonic', lambda: value[0])
  return value


def test_each_second_counts_once(now: list[float]):
  clock = Clock()
  now[0] += 50  # in no stage
  with clock.stage('preparing'):
    now[0] += 1
    with clock.stage('experts'):
      now[0] += 2
    now[0] += 4
  with clock.stage('experts'):
    now[0] += 8
  found = clock.account()
  wanted = dict.fromkeys(cost.STAGES, 0.0) | {'preparing': 5, 'experts': 10}
  assert found['seconds'] == wanted
  assert found['total'] == sum(wanted.values())


def test_parts_add_up_and_a_kill_costs_little(tmp_path: Path, now: list[float]):
  clock = Clock(tmp_path / cost.FILE)

  def cut() -> None:
    with clock.stage('distilling'):
      now[0] += 3
      raise loop.Stopped

  with pytest.raises(loop.Stopped):
    cut()
  assert read(tmp_path)['seconds']['distilling'] == 3
  killed = Clock(tmp_path / cost.FILE)
  stop = killed.watch(lambda: False)
  with killed.stage('distilling'):
    for _ in range(25):
      now[0] += 1
      assert not stop()
    written = read(tmp_path)  # what a kill would leave
  assert 3 + 25 - cost.EVERY - 1 <= written['seconds']['distilling'] <= 28
  assert written['parts'] == 2
  after = Clock(tmp_path / cost.FILE)
  with after.stage('judging'):
    now[0] += 5
  assert read(tmp_path)['total'] == 33
  assert read(tmp_path)['parts'] == 3


def test_the_peak_is_that_of_any_part(tmp_path: Path):
  first = {'memory': {'resident': 1 << 60, 'device': None}}
  (tmp_path / cost.FILE).write_text(json.dumps(first))
  assert Clock(tmp_path / cost.FILE).account()['memory']['resident'] == 1 << 60


def test_a_damaged_account_begins_anew(tmp_path: Path):
  (tmp_path / cost.FILE).write_text('{"sec')
  assert Clock(tmp_path / cost.FILE).account()['parts'] == 1


def test_a_finished_run_takes_nothing_more(tmp_path: Path):
  (tmp_path / 'results.json').write_text('{}')
  with cost.clock(tmp_path).stage('judging'):
    pass
  assert not (tmp_path / cost.FILE).exists()
