"""Watching changes nothing of a run; flags that make no sense say so."""

from __future__ import annotations

import json
from pathlib import Path
import sys
from types import ModuleType
from typing import ClassVar

import jax
import pytest

from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import digits
from rdd_jax.core.errors import UserError
from rdd_jax.experiment import loop, pipeline
from rdd_jax.runtime import logging
from rdd_jax.runtime.profiling import Profile, Watch, watch

OUTPUTS = ('distilled.npz', 'metrics.jsonl', 'results.json', 'card.json')


def tiny() -> Config:
  config = digits.dm('smoke,width=4')
  config.unlock()
  config.update_from_flattened_dict(
    {
      'steps': 8,
      'steps_per_call': 2,
      'log_every': 1,
      'checkpoint_every': 2,
      'evaluation.epochs': 2,
      'evaluation.seeds': 1,
      'whole.steps': 0,
      'baselines': (),
    }
  )
  return config


class Board:
  """tensorboardX's writer, as far as it is used."""

  calls: ClassVar[list[tuple]] = []

  def __init__(self, directory: str, purge_step: int | None = None):
    self.directory = Path(directory)
    self.directory.mkdir(parents=True, exist_ok=True)
    self.calls.append(('open', self.directory.name, purge_step))

  def add_scalar(self, *args: object) -> None:
    self.calls.append((self.directory.name, *args))

  def close(self) -> None:
    self.calls.append(('close', self.directory.name))


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
  """What a stand-in for tensorboardX is told."""
  module = ModuleType('tensorboardX')
  module.__dict__['SummaryWriter'] = Board
  monkeypatch.setitem(sys.modules, 'tensorboardX', module)
  monkeypatch.setattr(Board, 'calls', [])
  return Board.calls


@pytest.fixture
def traces(monkeypatch: pytest.MonkeyPatch) -> list[str]:
  """When traces begin and end."""
  said: list[str] = []
  monkeypatch.setattr(
    jax.profiler, 'start_trace', lambda where: said.append(f'start {where}')
  )
  monkeypatch.setattr(jax.profiler, 'stop_trace', lambda: said.append('stop'))
  return said


@pytest.mark.parametrize(
  ('first', 'last', 'expected'),
  [
    (0, 2, ['start d', 0, 'stop', 1, 2, 3]),
    (0, 1, ['start d', 0, 'stop', 1, 2, 3]),
    (3, 5, [0, 'start d', 1, 2, 'stop', 3]),
    (2, 4, [0, 'start d', 1, 'stop', 2, 3]),
    (7, 99, [0, 1, 2, 'start d', 3, 'stop']),
    (8, 99, [0, 1, 2, 3]),
    (0, 0, [0, 1, 2, 3]),
  ],
)
def test_whole_calls_are_traced(traces, first, last, expected):
  profile = Profile('d', first, last)
  with profile:
    for i in range(4):
      with profile.call(2):
        traces.append(i)
  assert traces == expected
  assert profile.traced == ('stop' in expected)
  with profile, profile.call(2):  # of the next distillation seed
    pass
  assert traces == expected or (first, last) == (8, 99)


def test_a_failure_ends_the_trace(traces):
  profile = Profile('d', 0, 9)
  with pytest.raises(KeyError), profile, profile.call(1):
    raise KeyError
  assert traces == ['start d', 'stop']


def test_other_processes_trace_nothing(traces, monkeypatch):
  monkeypatch.setattr(jax, 'process_index', lambda: 1)
  with Profile('d', 0, 2) as profile, profile.call(2):
    pass
  assert traces == []


@pytest.mark.parametrize(
  ('profile', 'words'),
  [
    ('10', 'give FIRST:LAST, whole numbers'),
    ('a:b', 'give FIRST:LAST'),
    ('-1:3', 'give FIRST:LAST'),
    ('1:2:3', 'give FIRST:LAST'),
    ('1.5:3', 'give FIRST:LAST'),
    ('5:5', 'holds no step.*--profile=5:15'),
    ('6:5', 'holds no step'),
    ('5:101', 'the run has 100 steps: give a LAST of at most 100'),
  ],
)
def test_profiles_of_no_steps(tmp_path, profile, words):
  with pytest.raises(UserError, match=words):
    watch(tmp_path, steps=100, profile=profile, tensorboard=False)


def test_tensorboard_where_it_is_installed(tmp_path, monkeypatch, board):
  assert watch(tmp_path, steps=1, tensorboard=True).tensorboard
  assert not watch(tmp_path, steps=1, tensorboard=False).tensorboard
  monkeypatch.setitem(sys.modules, 'tensorboardX', None)
  with pytest.raises(UserError, match='--tensorboard needs tensorboardX'):
    watch(tmp_path, steps=1, tensorboard=True)
  monkeypatch.setattr('importlib.util.find_spec', lambda name: None)
  assert not watch(tmp_path, steps=1).tensorboard
  monkeypatch.setattr('importlib.util.find_spec', lambda name: name)
  assert watch(tmp_path, steps=1).tensorboard


@pytest.mark.slow
def test_watching_changes_no_byte(tmp_path: Path, board, stop_after):
  """Of a run that was stopped, too: either half may be watched."""
  plain, watched = tmp_path / 'plain', tmp_path / 'watched'
  pipeline.execute(tiny(), plain)
  for stop in (stop_after(3), lambda: False):
    seen = watch(watched, steps=8, profile='1:2', tensorboard=True)
    try:
      pipeline.execute(tiny(), watched, stop=stop, watch=seen)
    except loop.Stopped:
      assert not (watched / 'distilled.npz').exists()
    assert seen.profile.traced
  for name in OUTPUTS:
    ours, theirs = (d / name for d in (watched, plain))
    assert ours.read_bytes() == theirs.read_bytes(), name
  assert not (plain / 'tensorboard').exists()
  assert not (plain / 'profile').exists()
  traced = list((watched / 'profile').rglob('*.xplane.pb'))
  assert traced
  assert all(b'distil' in path.read_bytes() for path in traced)
  losses = [call[2:] for call in board if call[:2] == ('tensorboard', 'loss')]
  lines = (plain / 'metrics.jsonl').read_text().splitlines()
  stored = [json.loads(line) for line in lines]
  assert losses == [(line['loss'], line['step']) for line in stored]
  assert ('open', 'tensorboard', 7) in board  # resumed after step 6
  assert board.count(('close', 'tensorboard')) == 4
  row = json.loads((plain / 'results.json').read_text())['rows']['distilled']
  scalar = ('results', 'accuracy/distilled', row['accuracy']['mean'], 8)
  assert board.count(scalar) == 1


def test_results_are_written_afresh(tmp_path: Path, board):
  row = {'distilled': {'accuracy': {'mean': 0.5}}}
  results = {'rows': row, 'networks': {'mlp': row}}
  (tmp_path / 'results').mkdir()
  (tmp_path / 'results' / 'old').touch()
  logging.board_results(tmp_path / 'results', 3, results)
  assert board == [
    ('open', 'results', None),
    ('results', 'accuracy/distilled', 0.5, 3),
    ('results', 'mlp/accuracy/distilled', 0.5, 3),
    ('close', 'results'),
  ]
  assert not (tmp_path / 'results' / 'old').exists()


def test_events_that_tensorboard_reads(tmp_path: Path):
  pytest.importorskip('tensorboardX')
  with logging.MetricsWriter(tmp_path / 'm.jsonl', tmp_path / 'e') as writer:
    writer.write(1, {'loss': 0.5})
  logging.board_results(
    tmp_path / 'r', 3, {'rows': {'distilled': {'ece': {'mean': 0.1}}}}
  )
  for directory, tag in (('e', b'loss'), ('r', b'ece/distilled')):
    (events,) = (tmp_path / directory).iterdir()
    assert tag in events.read_bytes()


def test_a_run_is_not_watched_by_default():
  assert Watch().events(Path()) is None
  assert not Watch().profile.traced
