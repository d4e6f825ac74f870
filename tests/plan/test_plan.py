"""A plan draws lines through what it measures, and comes near what happens."""

from __future__ import annotations

from collections.abc import Callable
import json
import os
from pathlib import Path
import resource
import subprocess
import sys
import time

from helpers import ROOT
import pytest

from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import decoupled, digits, label_noise
from rdd_jax.core.errors import UserError
from rdd_jax.experiment import workdir
from rdd_jax.plan.__main__ import keep, plan, require_room, show
from rdd_jax.plan.extrapolate import START, Seconds, extrapolate
from rdd_jax.plan.predict import FILE, Plan, predict
from rdd_jax.runtime import cost


class Work:
  """Work of known length, on a clock of its own."""

  def __init__(self, monkeypatch: pytest.MonkeyPatch):
    self.now = 0.0
    self.lengths: list[int] = []
    monkeypatch.setattr(time, 'perf_counter', lambda: self.now)

  def make(
    self, compiling: float, fixed: float, each: float
  ) -> Callable[[int], Callable[[], None]]:
    def of(n: int) -> Callable[[], None]:
      self.lengths.append(n)
      left = [compiling]

      def do() -> None:
        self.now += (left.pop() if left else 0.0) + fixed + each * n

      return do

    return of


@pytest.mark.parametrize('length', [1, START, 100, 300, 10_000, 1_000_000])
@pytest.mark.parametrize(
  ('compiling', 'fixed', 'each'),
  [(20.0, 0.0, 0.01), (3.0, 5.0, 0.001), (0.5, 0.1, 2.0), (1.0, 0.0, 0.0)],
)
def test_a_line_is_drawn_exactly(
  monkeypatch: pytest.MonkeyPatch,
  length: int,
  compiling: float,
  fixed: float,
  each: float,
):
  work = Work(monkeypatch)
  budget = 5.0
  found = extrapolate(work.make(compiling, fixed, each), length, budget)
  whole = fixed + each * length
  assert found == pytest.approx(Seconds(compiling + whole, whole), rel=1e-6)
  least = max(budget, 2 * (fixed + each * 2 * START))
  assert fixed + each * max(work.lengths) <= least + fixed + 1e-6
  if whole <= budget and each:
    assert max(work.lengths) == length


def test_several_times_compile_once():
  assert Seconds(7.0, 2.0).times(4) == 7 + 3 * 2
  assert Seconds(7.0, 2.0).times(0) == 0


def tiny(config: Config) -> Config:
  """Little to compile; what is judged has one shape."""
  config.evaluation.epochs = 2
  config.baselines = ('random',)
  config.whole.steps = 0
  return config


def test_what_a_run_would_refuse_is_not_planned():
  config = digits.dm('')
  config.baselines = ('rnadom',)
  with pytest.raises(UserError, match="'random'"):
    plan(config)


@pytest.mark.slow
def test_every_stage_of_a_defense_is_planned(tmp_path: Path):
  config = tiny(label_noise.tad('digits', 'smoke,width=4'))
  plan = predict(config, tmp_path, budget=0.1)
  seconds = plan.to_json()['seconds']
  assert list(seconds) == list(cost.STAGES)
  assert seconds.pop('experts') == 0
  assert all(s > 0 for s in seconds.values())
  assert (plan.memory['state'] or 0) > 1297 * 8 * 8  # the images
  assert plan.to_json()['total'] == pytest.approx(
    sum(plan.seconds.values()), abs=1e-3
  )
  words = show(plan)
  for name in (*cost.STAGES, 'in all', 'planning took'):
    assert name in words


@pytest.mark.slow
@pytest.mark.parametrize('labels', ['soft', 'teacher'])
def test_a_teacher_and_its_labels_are_planned(tmp_path: Path, labels: str):
  config = decoupled.rded('digits', f'smoke,width=4,labels={labels}')
  seconds = predict(tiny(config), tmp_path, budget=0.1).seconds
  assert seconds['experts'] > 0
  assert seconds['distilling'] == 0
  assert seconds['judging'] > 0


@pytest.mark.slow
def test_what_would_not_fit_is_not_tried(
  tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
  config = tiny(digits.dm('smoke,width=4'))
  monkeypatch.setattr('rdd_jax.runtime.memory.free', lambda: 1)
  plan = predict(config, tmp_path, budget=0.1)
  (why,) = plan.unknown
  assert 'was not tried' in why
  assert plan.seconds['distilling'] == 0


def timed(module: str, *flags: str) -> float:
  """Seconds that a command had to wait for each second of work."""
  env = {**os.environ, 'XLA_FLAGS': ''}
  # The real thing, which does not find what another process compiled.
  env.pop('JAX_DISABLE_MOST_OPTIMIZATIONS', None)
  env['JAX_ENABLE_COMPILATION_CACHE'] = '0'
  before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
  subprocess.run(
    [sys.executable, '-m', f'rdd_jax.{module}', *flags],
    cwd=ROOT,
    env=env,
    check=True,
    capture_output=True,
  )
  wall = time.monotonic() - begin
  after = resource.getrusage(resource.RUSAGE_CHILDREN)
  return wall / (
    after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
  )


def test_a_plan_leaves_a_run_as_it_is(tmp_path: Path):
  workdir.claim(tmp_path, digits.dm('smoke'))
  for name in ('card.json', 'results.json'):
    (tmp_path / name).write_text('{}')
  files = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
  other = digits.dm('smoke')
  other.evaluation.epochs += 1
  keep(tmp_path, other, Plan('', {}, {}, [], 0.0))
  assert (tmp_path / FILE).exists()
  assert all((tmp_path / name).read_bytes() == files[name] for name in files)
  with pytest.raises(UserError, match='another config'):
    keep(tmp_path, digits.dm('smoke,ipc=3'), Plan('', {}, {}, [], 0.0))


def test_where_a_plan_is_to_stand_is_looked_at_first(
  tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
  workdir.claim(tmp_path, digits.dm('smoke'))
  with pytest.raises(UserError, match='another config'):
    require_room(tmp_path, digits.dm('smoke,ipc=3'))
  require_room(tmp_path, digits.dm('smoke'))
  require_room(tmp_path / 'new', digits.dm('smoke'))
  assert not (tmp_path / 'new').exists()
  monkeypatch.setattr(os, 'access', lambda *_: False)
  with pytest.raises(UserError, match=r'--workdir=.* cannot be written to'):
    require_room(tmp_path, digits.dm('smoke'))


@pytest.mark.slow
@pytest.mark.parametrize(
  'config',
  [
    'configs/dm_digits.py',
    'configs/tad_digits.py:seeds=1',
    'configs/frepo_digits.py:seeds=1,steps=300',
    'configs/mtt_fashion_mnist.py:smoke',
  ],
)
def test_a_plan_comes_within_half_of_what_happens(tmp_path: Path, config: str):
  """In time and in memory.

  Others that use the machine meanwhile are divided out: seconds are counted for
  a machine that makes neither the plan nor the run wait.
  """
  flags = (f'--config={config}', f'--workdir={tmp_path / "run"}')
  waits = {module: timed(module, *flags) for module in ('plan', 'main')}
  plan, took = (
    json.loads((tmp_path / 'run' / name).read_text())
    for name in ('plan.json', 'cost.json')
  )
  assert list(plan['seconds']) == list(took['seconds'])
  assert plan['devices'] == took['devices']
  ratio = (plan['total'] / waits['plan']) / (took['total'] / waits['main'])
  assert 1 / 1.5 < ratio < 1.5, (plan, took, waits)
  memory = plan['memory']['resident'] / took['memory']['resident']
  assert 1 / 1.5 < memory < 1.5
