"""The benchmark measures what it says, on tiny sizes."""

from __future__ import annotations

import time

import numpy as np
import pytest

from rdd_jax.bench import measure, ours, theirs
from rdd_jax.bench.setting import Program, Setting

TINY = Setting(
  width=4,
  depth=1,
  image=8,
  classes=2,
  ipc=1,
  real=4,
  batch=4,
  seeds=2,
  steps=2,
  repeats=2,
)


@pytest.mark.parametrize('name', measure.NAMES)
def test_our_programs_run_and_are_planned(name):
  program = measure.build(name, 'ours', TINY)
  program.run()
  assert program.planned > 0


@pytest.mark.parametrize('name', measure.NAMES)
def test_their_programs_run(name):
  pytest.importorskip('torch')
  measure.build(name, 'theirs', TINY).run()


def test_both_sides_measure_the_same_computations():
  assert tuple(theirs.PROGRAMS) == measure.NAMES


def test_without_torch_their_side_is_left_out(monkeypatch):
  program = Program(lambda: time.sleep(0.001))
  monkeypatch.setitem(ours.PROGRAMS, 'training', lambda s: program)
  monkeypatch.setattr(theirs, 'reference', lambda: None)
  monkeypatch.setattr(measure, 'peak_in_new_process', lambda *_: None)
  assert list(measure.compare('training', TINY)) == ['ours']


def test_turns_alternate_and_the_first_does_not_count(monkeypatch):
  calls = []

  def build(name, side, s):
    def run():
      calls.append(side)
      time.sleep(0.2 if len(calls) <= 2 else 0.01)

    return Program(run)

  monkeypatch.setattr(measure, 'build', build)
  monkeypatch.setattr(measure, 'peak_in_new_process', lambda *_: 1)
  costs = measure.compare('training', TINY)
  assert calls == ['ours', 'theirs'] * 3
  for cost in costs.values():
    assert cost.seconds < 0.2
    assert cost.cpu_seconds < cost.seconds


def test_a_busy_machine_shows_in_the_spread(monkeypatch):
  pauses = iter([0.0, 0.0, 0.05, 0.01, 0.01, 0.01])
  program = Program(lambda: time.sleep(next(pauses)))
  monkeypatch.setattr(measure, 'build', lambda *_: program)
  monkeypatch.setattr(measure, 'peak_in_new_process', lambda *_: None)
  assert measure.compare('training', TINY)['ours'].spread > 1.5


def test_flops_of_one_block_by_hand():
  s = Setting(width=4, depth=1, image=8, channels=3, classes=2, batch=5)
  conv = 2 * 8 * 8 * 9 * 3 * 4
  head = 2 * 4 * 4 * 4 * 2
  assert measure.training_flops(s) == 5 * (2 * conv + 3 * head)


def test_peak_sees_memory_that_was_freed(monkeypatch):
  if measure.resident('VmHWM') is None:
    pytest.skip('no /proc/self/status')
  size = 64 * 2**20
  program = Program(lambda: np.ones(size, np.uint8).sum())
  monkeypatch.setattr(measure, 'build', lambda *_: program)
  assert measure.peak('training', 'ours', TINY) >= 0.9 * size


@pytest.mark.slow
def test_peak_in_a_new_process():
  assert measure.peak_in_new_process('training', 'ours', TINY) > 0
