"""Metrics are exact and resumable; progress fits its stream."""

from __future__ import annotations

import io
import json
import re
import sys
from types import ModuleType, SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax.core.errors import UserError
from rdd_jax.runtime import logging


def lines(path):
  return [json.loads(line) for line in path.read_text().splitlines()]


def test_floats_are_written_in_full(tmp_path):
  path = tmp_path / 'sub' / 'metrics.jsonl'
  writer = logging.MetricsWriter(path)
  value = np.float32(1) / 3
  writer.write(1, {'loss': jnp.float32(value), 'nan': np.nan, 'count': 3})
  writer.write(2, {'groups': jnp.arange(2)})
  first, second = lines(path)
  assert np.float32(first['loss']) == value
  assert np.isnan(first['nan'])
  assert first['count'] == 3
  assert second == {'step': 2, 'groups': [0, 1]}


def test_content_depends_on_the_values_alone(tmp_path):
  for name in ('a', 'b'):
    logging.MetricsWriter(tmp_path / name).write(1, {'loss': 0.1})
  assert (tmp_path / 'a').read_bytes() == b'{"step": 1, "loss": 0.1}\n'
  assert (tmp_path / 'a').read_bytes() == (tmp_path / 'b').read_bytes()


@pytest.mark.parametrize('torn', ['', '{"step": 4, "lo', '{"step": 1}', 'x\n'])
@pytest.mark.parametrize('step', [-1, 0, 2, 9])
def test_truncate_after(tmp_path, torn, step):
  path = tmp_path / 'metrics.jsonl'
  writer = logging.MetricsWriter(path)
  for i in range(4):
    writer.write(i, {'loss': i / 3})
  before = path.read_text().splitlines()
  path.write_text('\n'.join(before) + '\n' + torn)
  writer = logging.MetricsWriter(path)
  writer.truncate_after(step)
  assert path.read_text().splitlines() == before[: step + 1]
  writer.write(step + 1, {'loss': 1.0})
  assert lines(path)[-1] == {'step': step + 1, 'loss': 1.0}
  assert list(tmp_path.iterdir()) == [path]


def test_truncating_nothing_makes_nothing(tmp_path):
  logging.MetricsWriter(tmp_path / 'metrics.jsonl').truncate_after(3)
  assert not list(tmp_path.iterdir())


def test_other_processes_write_nothing(tmp_path, monkeypatch):
  monkeypatch.setattr(jax, 'process_index', lambda: 1)
  writer = logging.MetricsWriter(tmp_path / 'sub' / 'metrics.jsonl')
  writer.write(1, {'loss': 1.0})
  writer.truncate_after(0)
  stream = io.StringIO()
  with logging.Progress(2, 'distil', stream) as progress:
    progress.update(2, loss=1.0)
  assert not list(tmp_path.iterdir())
  assert not stream.getvalue()


def test_tensorboard_when_installed(tmp_path, monkeypatch):
  calls = []

  class SummaryWriter:
    def __init__(self, directory: str, purge_step: int | None = None):
      calls.append(('open', directory, purge_step))

    def add_scalar(self, *args):
      calls.append(args)

    def close(self):
      calls.append('close')

  module = ModuleType('tensorboardX')
  module.__dict__['SummaryWriter'] = SummaryWriter
  monkeypatch.setitem(sys.modules, 'tensorboardX', module)
  writer = logging.MetricsWriter(tmp_path / 'm.jsonl', tensorboard='events')
  writer.truncate_after(3)
  writer.write(4, {'loss': jnp.float32(0.5), 'groups': jnp.arange(2)})
  assert calls == [
    ('open', 'events', None),
    'close',
    ('open', 'events', 4),
    ('loss', 0.5, 4),
  ]


def test_tensorboard_when_missing(tmp_path, monkeypatch):
  monkeypatch.setitem(sys.modules, 'tensorboardX', None)
  with pytest.raises(UserError, match='pip install tensorboardX'):
    logging.MetricsWriter(tmp_path / 'm.jsonl', tensorboard='events')


class Terminal(io.StringIO):
  def isatty(self) -> bool:
    return True


@pytest.fixture
def clock(monkeypatch):
  now = SimpleNamespace(value=100.0)
  fake = SimpleNamespace(monotonic=lambda: now.value)
  monkeypatch.setattr(logging, 'time', fake)
  return now


def test_log_lines_come_every_ten_seconds_after_compilation(clock):
  stream = io.StringIO()
  with logging.Progress(200, 'distil', stream) as progress:
    clock.value += 60  # compiles
    for step in range(101, 126):
      progress.update(step, loss=jnp.float32(1 / step))
      clock.value += 1
  assert stream.getvalue().splitlines() == [
    'distil 101/200 loss 0.009901',
    'distil 111/200 loss 0.009009 1 steps/s ETA 0:01:29',
    'distil 121/200 loss 0.008264 1 steps/s ETA 0:01:19',
    'distil 125/200 loss 0.008 1 steps/s ETA 0:01:15',
  ]


@pytest.mark.parametrize(('width', 'bar'), [(90, f'{"━" * 20} '), (60, '')])
def test_bar_rewrites_one_line_within_the_terminal(
  clock, monkeypatch, width, bar
):
  monkeypatch.setenv('COLUMNS', str(width))
  monkeypatch.setenv('TERM', 'xterm')
  stream = Terminal()
  with logging.Progress(1000, 'distil', stream) as progress:
    for step in range(1, 1001):
      progress.update(step, loss=1.0, accuracy=0.5)
      clock.value += 0.01
  text = stream.getvalue()
  frames = text.split('\r\x1b[2K')
  drawn = [re.sub(r'\x1b\[[?\d;]*\w', '', frame).rstrip() for frame in frames]
  assert text.count('\n') == 1
  assert 90 <= len(drawn) <= 110
  assert max(map(len, drawn)) <= width
  assert drawn[-1].startswith(f'distil {bar}1000/1000 loss 1 accuracy')


def test_a_terminal_without_cursor_is_given_lines(monkeypatch):
  monkeypatch.setenv('TERM', 'dumb')
  stream = Terminal()
  with logging.Progress(2, 'distil', stream) as progress:
    progress.update(2, loss=0.5)
  assert stream.getvalue() == 'distil 2/2 loss 0.5\n'


def test_values_are_read_only_when_shown(clock):
  class Unread:
    def __float__(self) -> float:
      raise AssertionError('fetched from the device for nothing')

  with logging.Progress(9, 'distil', io.StringIO()) as progress:
    progress.update(1, loss=1.0)
    progress.update(2, loss=Unread())
    progress.update(3, loss=1.0)


def test_progress_without_an_update_says_nothing():
  stream = Terminal()
  with logging.Progress(3, 'distil', stream):
    pass
  assert not stream.getvalue()


def test_table_aligns_and_marks_what_is_missing():
  def summary(mean, std, n=5):
    return {'mean': mean, 'std': std, 'n': n, 'values': []}

  rows = {
    'random': {'accuracy': summary(0.5, 0.1), 'ece': summary(0.081, 0.0, n=1)},
    'distilled': {'accuracy': summary(1.0, 0.004)},
  }
  assert logging.table(rows, ['accuracy', 'ece']).splitlines() == [
    '%             accuracy  ece',
    'random     50.0 ± 10.0  8.1',
    'distilled  100.0 ± 0.4    -',
  ]
