"""The benchmark measures what it says, on tiny sizes."""

from __future__ import annotations

import dataclasses
import time

import jax
from marks import slow_but
import numpy as np
import pytest

from rdd_jax.bench import kernels, ours, theirs, timing
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


@pytest.mark.parametrize(
  'name', slow_but(('distribution', 'ntk', 'ridge'), timing.NAMES)
)
def test_our_programs_run_and_are_planned(name):
  program = timing.build(name, 'ours', TINY)
  program.run()
  assert program.planned > 0


@pytest.mark.parametrize('name', theirs.PROGRAMS)
def test_their_programs_run(name):
  pytest.importorskip('torch')
  timing.build(name, 'theirs', TINY).run()


def test_both_sides_measure_the_same_computations():
  assert set(theirs.PROGRAMS) <= set(timing.NAMES)
  alone = {*kernels.PROGRAMS, *theirs.PROGRAMS}
  for name in set(timing.NAMES) - alone:
    base, _ = name.rsplit('_', 1)
    assert base in theirs.PROGRAMS, f'{name} is no variant of what both do'


def test_entries_of_kernels_are_counted():
  program = timing.build('ntk', 'ours', TINY)
  assert kernels.entries('ntk', TINY) == np.size(program.run())
  assert kernels.entries('ridge', TINY) is None


def test_experts_side_by_side_are_those_in_turn():
  pairs = zip(
    *(
      jax.tree.leaves(timing.build(name, 'ours', TINY).run())
      for name in ('experts', 'experts_vmap')
    ),
    strict=True,
  )
  for turn, side in pairs:
    np.testing.assert_allclose(turn, side, rtol=1e-4, atol=1e-5)


def test_what_would_not_fit_is_not_run(monkeypatch):
  big = Program(lambda: pytest.fail('it ran'), planned=9)
  small = Program(lambda: time.sleep(0.001), planned=8)
  monkeypatch.setitem(ours.PROGRAMS, 'training', lambda s: small)
  monkeypatch.setitem(theirs.PROGRAMS, 'training', lambda dd, s: big)
  monkeypatch.setattr(theirs, 'reference', lambda: 'torch')
  monkeypatch.setattr(timing, 'free', lambda: 10)
  monkeypatch.setattr(timing, 'peak_in_new_process', lambda *_: None)
  costs, excess = timing.compare('training', TINY)
  assert list(costs) == ['ours']
  assert excess == {'theirs': timing.Excess(planned=9, free=10)}


def test_free_memory_is_known():
  assert timing.free() > 0


def test_without_torch_their_side_is_left_out(monkeypatch):
  program = Program(lambda: time.sleep(0.001))
  monkeypatch.setitem(ours.PROGRAMS, 'training', lambda s: program)
  monkeypatch.setattr(theirs, 'reference', lambda: None)
  monkeypatch.setattr(timing, 'peak_in_new_process', lambda *_: None)
  assert list(timing.compare('training', TINY).costs) == ['ours']


def test_turns_alternate_and_the_first_does_not_count(monkeypatch):
  calls = []

  def build(name, side, s):
    def run():
      calls.append(side)
      time.sleep(0.2 if len(calls) <= 2 else 0.01)

    return Program(run)

  monkeypatch.setattr(timing, 'build', build)
  monkeypatch.setattr(timing, 'peak_in_new_process', lambda *_: 1)
  costs = timing.compare('training', TINY).costs
  assert calls == ['ours', 'theirs'] * 3
  for cost in costs.values():
    assert cost.seconds < 0.2
    assert cost.cpu_seconds < cost.seconds


def test_a_busy_machine_shows_in_the_spread(monkeypatch):
  pauses = iter([0.0, 0.0, 0.05, 0.01, 0.01, 0.01])
  program = Program(lambda: time.sleep(next(pauses)))
  monkeypatch.setattr(timing, 'build', lambda *_: program)
  monkeypatch.setattr(timing, 'peak_in_new_process', lambda *_: None)
  assert timing.compare('training', TINY).costs['ours'].spread > 1.5


def test_flops_of_one_block_by_hand():
  s = Setting(width=4, depth=1, image=8, channels=3, classes=2, batch=5)
  conv = 2 * 8 * 8 * 9 * 3 * 4
  head = 2 * 4 * 4 * 4 * 2
  assert timing.training_flops(s) == 5 * (2 * conv + 3 * head)


@pytest.mark.parametrize(
  ('name', 'steps', 'times'),
  [
    ('experts_vmap', 2 * 2, 1),
    ('unroll_10', 10, 3),
    ('unroll_30_nested', 30, 3),
  ],
)
def test_useful_work_is_that_of_training_steps(name, steps, times):
  s = dataclasses.replace(TINY, batch=TINY.classes * TINY.ipc)
  assert timing.trained_images(name, s) == steps * s.batch
  work = times * steps * timing.training_flops(s)
  assert timing.useful_flops(name, s) == work


def test_work_that_is_not_training_is_not_counted():
  assert timing.useful_flops('gradient', TINY) is None
  assert timing.useful_flops('unroll_30_tesla', TINY) is None


def test_peak_sees_memory_that_was_freed(monkeypatch):
  if timing.account('VmHWM') is None:
    pytest.skip('no /proc/self/status')
  size = 64 * 2**20
  program = Program(lambda: np.ones(size, np.uint8).sum())
  monkeypatch.setattr(timing, 'build', lambda *_: program)
  assert timing.peak('training', 'ours', TINY) >= 0.9 * size


@pytest.mark.slow
def test_peak_in_a_new_process():
  assert timing.peak_in_new_process('training', 'ours', TINY) > 0
