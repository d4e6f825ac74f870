"""Progress fits its stream, and changes no bit of what it watches."""

from __future__ import annotations

import io
import re
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import pytest

from rdd_jax.runtime import progress
from rdd_jax.runtime.progress import Progress, Stages, busy


def test_other_processes_show_nothing(monkeypatch):
  monkeypatch.setattr(jax, 'process_index', lambda: 1)
  stream = io.StringIO()
  with Progress(2, 'distil', stream) as bar, busy('compiling', stream):
    bar.update(2, loss=1.0)
  assert not stream.getvalue()


class Terminal(io.StringIO):
  def isatty(self) -> bool:
    return True


@pytest.fixture
def clock(monkeypatch):
  now = SimpleNamespace(value=100.0)
  fake = SimpleNamespace(monotonic=lambda: now.value)
  monkeypatch.setattr(progress, 'time', fake)
  return now


def test_lines_come_at_once_and_then_less_often(
  clock,
):
  stream = io.StringIO()
  with Progress(200, 'distil', stream) as bar:
    clock.value += 60  # compiles
    for step in range(101, 126):
      bar.update(step, loss=jnp.float32(1 / step))
      clock.value += 1
  assert stream.getvalue().splitlines() == [
    'distil 101/200 loss 0.009901',
    'distil 102/200 loss 0.009804 1 steps/s ETA 0:01:38',
    'distil 103/200 loss 0.009709 1 steps/s ETA 0:01:37',
    'distil 105/200 loss 0.009524 1 steps/s ETA 0:01:35',
    'distil 109/200 loss 0.009174 1 steps/s ETA 0:01:31',
    'distil 117/200 loss 0.008547 1 steps/s ETA 0:01:23',
    'distil 125/200 loss 0.008 1 steps/s ETA 0:01:15',
  ]


@pytest.mark.parametrize('width', [90, 75, 65, 60])
def test_bar_rewrites_one_line_and_shrinks_before_the_numbers(
  clock, monkeypatch, width
):
  monkeypatch.setenv('COLUMNS', str(width))
  monkeypatch.setenv('TERM', 'xterm')
  stream = Terminal()
  with Progress(1000, 'training', stream) as bar:
    for step in range(1, 1001):
      bar.update(step, loss=1.0)
      clock.value += 0.01
  text = stream.getvalue()
  frames = text.split('\r\x1b[2K')
  drawn = [re.sub(r'\x1b\[[?\d;]*\w', '', frame).rstrip() for frame in frames]
  assert text.count('\n') == 1
  assert 90 <= len(drawn) <= 110
  assert max(map(len, drawn)) <= width
  numbers = '1000/1000 loss 1 100 steps/s ETA 0:00:00'
  assert drawn[-1].endswith(numbers)
  room = width - len('training ') - 1 - len(numbers)
  assert drawn[-1].count('━') == min(room, 20)


def test_a_terminal_without_cursor_is_given_lines(monkeypatch):
  monkeypatch.setenv('TERM', 'dumb')
  stream = Terminal()
  with Progress(2, 'distil', stream) as bar:
    bar.update(2, loss=0.5)
  assert stream.getvalue() == 'distil 2/2 loss 0.5\n'


def test_no_time_is_left_where_more_is_done_than_was_asked_for(clock):
  stream = io.StringIO()
  with Progress(2, 'distil', stream) as bar:
    bar.update(1)
    clock.value += 60
    bar.update(10)
  assert stream.getvalue().splitlines()[-1].endswith('ETA 0:00:00')


def test_values_are_read_only_when_shown(clock):
  class Unread:
    def __float__(self) -> float:
      raise AssertionError('fetched from the device for nothing')

  with Progress(9, 'distil', io.StringIO()) as bar:
    bar.update(1, loss=1.0)
    bar.update(2, loss=Unread())
    bar.update(3, loss=1.0)


def test_progress_without_an_update_says_nothing():
  stream = Terminal()
  with Progress(3, 'distil', stream):
    pass
  assert not stream.getvalue()


def test_what_is_brief_says_no_more_than_that_it_began(clock):
  stream = io.StringIO()
  for seconds in (0.1, 2.0):
    with Progress(3, 'reading', stream, 'file', brief=True) as bar:
      bar.update(0)
      clock.value += seconds
      bar.advance(3)
  assert stream.getvalue().splitlines() == [
    'reading file 1 of 3',
    'reading file 1 of 3',
    'reading file 3 of 3 1.5 files/s ETA 0:00:00',
  ]


def test_a_step_is_shown_once(clock):
  stream = io.StringIO()
  with Progress(2, 'judging', stream, 'network') as bar:
    for step in (0, 1, 2, 2):
      bar.update(step)
      clock.value += 60
  assert stream.getvalue().splitlines() == [
    'judging network 1 of 2',
    'judging network 2 of 2 0.0167 networks/s ETA 0:01:00',
    'judging network 2 of 2 0.0167 networks/s ETA 0:00:00',
  ]


def test_stages_follow_each_other(clock):
  stream = io.StringIO()
  with Stages('preparing', stream) as tell:
    for stage in ('a', 'b'):
      for done in range(3):
        tell(stage, done, 2)
        clock.value += 2
    tell('c', 0, 1)
    clock.value += 60
    tell('c', 1, 1)
  assert stream.getvalue().splitlines() == [
    'preparing: a 0/2',
    'preparing: a 1/2 ETA 0:00:02',
    'preparing: a 2/2 ETA 0:00:00',
    'preparing: b 0/2',
    'preparing: b 1/2 ETA 0:00:02',
    'preparing: b 2/2 ETA 0:00:00',
    'preparing: c',
  ]


def test_a_terminal_shows_that_it_is_busy(monkeypatch):
  monkeypatch.setenv('TERM', 'xterm')
  stream = Terminal()
  with busy('compiling', stream):
    pass
  assert 'compiling' in stream.getvalue()
