"""A signal ends a command: soon, with what it has finished, and its status."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

import pytest

from rdd_jax.runtime import stopping

BEGIN = """
import hashlib, signal, sys, time
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # which nohup has them ignore
from rdd_jax.runtime import stopping

stopping.GRACE = 1.0
stopping.watch(resumes=True)

def say(text):
  print(text, flush=True)

def in_c(seconds):
  # One instruction of Python, in which no handler of a signal runs.
  begin = time.monotonic()
  hashlib.pbkdf2_hmac('sha256', b'', b'', 200_000)
  each = time.monotonic() - begin
  say('begun')
  count = min(int(200_000 * seconds / each), 2**31 - 1)
  hashlib.pbkdf2_hmac('sha256', b'', b'', count)

"""
PYTHON = """
try:
  say('begun')
  while True:
    time.sleep(0.01)
except KeyboardInterrupt:
  say('cleared up')
  stopping.leave()
"""
IN_C = 'in_c(60)'
ASKS = """
try:
  with stopping.deferred():
    say('begun')
    while not stopping.asked():
      time.sleep(0.01)
    say('saved')
except KeyboardInterrupt:
  stopping.leave()
"""
FINISHES = """
try:
  with stopping.finished('the last one'):
    in_c({seconds})
    say('finished')
except KeyboardInterrupt:
  stopping.leave()
"""


@contextmanager
def begun(code: str, **env: str) -> Iterator[subprocess.Popen[str]]:
  command = [sys.executable, '-c', BEGIN + code, 'an argument']
  with subprocess.Popen(
    command,
    stdout=subprocess.PIPE,
    stderr=subprocess.STDOUT,
    text=True,
    env=os.environ | env,
  ) as process:
    try:
      assert process.stdout is not None
      assert process.stdout.readline() == 'begun\n'
      time.sleep(0.3)  # until it is where it waits
      yield process
    finally:
      process.kill()


def ended(process: subprocess.Popen[str], seconds: float) -> list[str]:
  said, _ = process.communicate(timeout=seconds)
  return said.splitlines()


@pytest.mark.parametrize('number', stopping.SIGNALS)
def test_python_is_interrupted(number: signal.Signals):
  with begun(PYTHON) as process:
    process.send_signal(number)
    said = ended(process, 10)
  assert process.returncode == 128 + number
  assert said[0].startswith(number.name)
  assert said[1:] == [
    'cleared up',
    "stopped and saved; to resume: python -c 'an argument'",
  ]


def test_what_is_no_python_ends_after_the_grace():
  with begun(IN_C) as process:
    begin = time.monotonic()
    process.send_signal(signal.SIGTERM)
    said = ended(process, 10)
    took = time.monotonic() - begin
  assert process.returncode == 143
  assert 1 < took < 5
  assert said[-1].startswith('stopped; what was saved is intact; to resume:')


def test_who_asks_ends_by_itself():
  with begun(ASKS) as process:
    process.send_signal(signal.SIGINT)
    said = ended(process, 10)
  assert process.returncode == 130
  assert said[1] == 'saved'


def test_what_is_to_be_finished_is():
  with begun(FINISHES.format(seconds=2)) as process:
    process.send_signal(signal.SIGTERM)
    said = ended(process, 30)
  assert process.returncode == 143
  assert said[0] == 'SIGTERM: stopping, after the last one; again stops at once'
  assert said[1] == 'finished'
  assert said[2].startswith('stopped and saved')


@pytest.mark.parametrize('code', [IN_C, FINISHES.format(seconds=60)])
def test_a_second_signal_ends_at_once(code: str):
  with begun(code) as process:
    process.send_signal(signal.SIGTERM)
    time.sleep(2 * stopping.ECHO)
    begin = time.monotonic()
    process.send_signal(signal.SIGINT)
    said = ended(process, 10)
    took = time.monotonic() - begin
  assert took < 1
  assert process.returncode == 143, said
  assert 'finished' not in said


def test_a_signal_and_its_echo_are_one():
  """As where a terminal, and what wraps the command, both pass on Ctrl-C."""
  with begun(FINISHES.format(seconds=1.5)) as process:
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    said = ended(process, 30)
  assert 'finished' in said
  assert process.returncode == 130


def test_it_saves_where_its_starter_is_gone():
  code = (
    'import os, subprocess, sys\n'
    f'env = os.environ | {{{stopping.PARENT!r}: str(os.getpid())}}\n'
    f'subprocess.Popen([sys.executable, "-c", {BEGIN + ASKS!r}], env=env)\n'
    'sys.stdin.read()'
  )
  with subprocess.Popen(
    [sys.executable, '-c', code],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    stderr=subprocess.STDOUT,
    text=True,
  ) as starter:
    assert starter.stdout is not None
    assert starter.stdout.readline() == 'begun\n'
    starter.kill()
    said = starter.stdout.read()  # to the end of the other one
  assert 'SIGTERM: stopping' in said
  assert 'saved' in said.splitlines()


def test_an_import_is_finished(tmp_path: Path):
  """Where one in C fails for no reason of its own, the process may abort."""
  (tmp_path / 'slowly.py').write_text(
    'import time\nprint("begun", flush=True)\ntime.sleep(0.8)\n'
    'print("imported", flush=True)\n'
  )
  code = (
    'stopping.GRACE = 10\ntry:\n  import slowly\n  time.sleep(60)\n'
    'except KeyboardInterrupt:\n  stopping.leave()'
  )
  path = f'{tmp_path}{os.pathsep}{os.environ.get("PYTHONPATH", "")}'
  with begun(code, PYTHONPATH=path) as process:
    process.send_signal(signal.SIGTERM)
    said = ended(process, 8)
  assert process.returncode == 143
  assert said[1] == 'imported'
  assert said[2].startswith('stopped and saved')


def test_without_a_watch_nothing_changes():
  before = signal.getsignal(signal.SIGTERM)
  stopping.handle()
  with stopping.deferred(), stopping.finished('this'):
    assert not stopping.asked()
  assert signal.getsignal(signal.SIGTERM) == before
