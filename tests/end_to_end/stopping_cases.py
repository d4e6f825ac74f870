"""Stages of commands, how they are told apart, and how they are stopped."""

from __future__ import annotations

from collections.abc import Callable
import os
from pathlib import Path
import re
import signal
import subprocess
import sys
import time
from typing import NamedTuple

from helpers import ONE_DEVICE, ROOT

OUTPUTS = ('distilled.npz', 'metrics.jsonl', 'results.json', 'grid.png')


class Stage(NamedTuple):
  """A stage of `rdd_jax.main`.

  Attributes:
    config: and its arguments.
    flags: by which the stage takes seconds.
    shows: what stands in a line once the stage has begun.
  """

  config: str
  flags: tuple[str, ...]
  shows: str


QUICK = (
  '--config.evaluation.epochs=2',
  '--config.evaluation.seeds=1',
  '--config.baselines=("random",)',
  '--config.whole.steps=0',
  '--config.seeds=1',
  '--config.steps=10',
)
DIGITS = 'configs/dm_digits.py:width=8'
TAD = 'configs/tad_digits.py:noise=symmetric-0.4,width=8'
GROUPS = 'configs/groupdro_digits.py:risk=equal,width=8'
STAGES = {
  'TAD': Stage(TAD, (), 'preparing: images as they are'),
  "TAD's noise": Stage(TAD, (), 'preparing: noise'),
  'TAD, fixed': Stage(
    f'{TAD},defense=tad_fixed',
    ('--config.transform.trust.warm_up=3000',),
    'probes warm up',
  ),
  'ELR': Stage(
    f'{TAD},defense=elr',
    ('--config.transform.trust.steps=6000',),
    'preparing the measure',
  ),
  'finders': Stage(f'{GROUPS},groups=kmeans', (), 'groups, an early network'),
  'difficulty': Stage(f'{GROUPS},groups=difficult', (), 'which rows are'),
  'experts': Stage(
    'configs/trustdd_digits.py:method=mtt,width=8',
    ('--config.experts.number=40',),
    'training experts',
  ),
  'compiling': Stage(DIGITS, (), 'compiling the step'),
  'distilling': Stage(DIGITS, ('--config.steps=20000',), 'distilling 1/1'),
  'distilling, long calls': Stage(
    'configs/tad_digits.py:noise=symmetric-0.4,method=dsa',
    ('--config.steps=100', '--config.steps_per_call=100'),
    'distilling 1/1',
  ),
  'judging': Stage(DIGITS, ('--config.evaluation.epochs=20000',), 'judging'),
  'the whole set': Stage(DIGITS, ('--config.whole.steps=6000',), 'judging'),
}


def command(stage: Stage, directory: Path, *flags: str) -> list[str]:
  """Returns the command of a run that has a stage."""
  return [
    *(sys.executable, '-m', 'rdd_jax.main', f'--config={stage.config}'),
    *(*QUICK, *stage.flags, *flags, f'--workdir={directory}'),
  ]


def start(words: list[str]) -> subprocess.Popen[str]:
  """Starts a command, whose output can be read."""
  return subprocess.Popen(
    words,
    cwd=ROOT,
    env={**os.environ, 'XLA_FLAGS': ONE_DEVICE, 'PYTHONPATH': str(ROOT)},
    stdout=subprocess.PIPE,
    stderr=subprocess.STDOUT,
    text=True,
  )


class Stopped(NamedTuple):
  """A command that was stopped: seconds to its end, status, what it said."""

  seconds: float
  status: int
  said: str


def until(process: subprocess.Popen[str], shows: str) -> str:
  """Reads what a command says until it says something, a pattern of a line."""
  assert process.stdout is not None
  said = ''
  for line in process.stdout:
    said += line
    if re.search(shows, line):
      return said
  raise AssertionError(f'{shows!r} is not in {said}')


def stop(
  words: list[str],
  shows: str,
  number: int = signal.SIGTERM,
  wait: float = 0.0,
  meanwhile: Callable[[], object] = lambda: None,
) -> Stopped:
  """Stops a command once it has said something, and some seconds later."""
  with start(words) as process:
    said = until(process, shows)
    time.sleep(wait)
    meanwhile()
    begin = time.monotonic()
    process.send_signal(number)
    rest, _ = process.communicate()
    seconds = time.monotonic() - begin
  return Stopped(seconds, process.returncode, said + rest)


def finish(words: list[str]) -> str:
  """Runs a command to its end, which has to be a good one."""
  with start(words) as process:
    said, _ = process.communicate()
  assert process.returncode == 0, said
  return said


def outputs(directory: Path) -> dict[str, bytes]:
  """Returns the files that must not depend on where a run was stopped."""
  return {name: (directory / name).read_bytes() for name in OUTPUTS}
