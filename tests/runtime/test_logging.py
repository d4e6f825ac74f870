"""Metrics are exact and resumable; tables are aligned."""

from __future__ import annotations

import json
import sys
import threading
import time
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
  assert not list(tmp_path.iterdir())


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


def test_closing_tensorboard_has_a_bound(monkeypatch):
  """Its writer waits for a thread, for ever once that has failed."""
  monkeypatch.setattr(logging, 'CLOSING', 0.1)
  release = threading.Event()
  board = SimpleNamespace(close=release.wait)
  begin = time.monotonic()
  logging.close(board)
  assert time.monotonic() - begin < 5
  release.set()
