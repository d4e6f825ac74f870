"""Runs that are harmed at a moment drawn by a seed, and what came of it.

A run in this process can be denied its disk, or have its files damaged; one of
a process of its own, forked from `Killer`, is killed or stopped by a signal.
What stands on the disk then is resumed here, and compared with a run that
nothing happened to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
import errno
import os
from pathlib import Path
import re
import runpy
import shutil
import sys
import time
from typing import Any, NamedTuple
from unittest import mock

from helpers import ROOT
import numpy as np

from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import digits
from rdd_jax.core.errors import UserError
from rdd_jax.experiment import pipeline, workdir
from rdd_jax.runtime import stopping
from rdd_jax.runtime.files import advice

OUTPUTS = ('distilled.npz', 'metrics.jsonl', 'results.json', 'grid.png')
TINY = {
  'devices': 1,
  'steps': 6,
  'steps_per_call': 1,
  'log_every': 1,
  'checkpoint_every': 2,
  'seeds': 1,
  'evaluation.epochs': 2,
  'evaluation.seeds': 1,
  'baselines': ('random',),
  'whole.steps': 0,
}
ARGUMENTS = 'ipc=1,width=8'


def _file(name: str, more: str = '') -> Callable[[], Config]:
  path = str(ROOT / 'configs' / f'{name}_digits.py')
  return lambda: runpy.run_path(path)['get_config'](ARGUMENTS + more)


FAMILIES: dict[str, tuple[Callable[[], Config], dict[str, Any]]] = {
  'dm': (_file('dm'), {}),
  'dsa': (lambda: digits.dsa(ARGUMENTS), {}),
  'mtt': (
    lambda: digits.mtt(ARGUMENTS),
    {'experts.number': 2, 'experts.latest': 3, 'experts.epoch_steps': 5},
  ),
  'kip': (_file('kip'), {}),
  'frepo': (_file('frepo'), {}),
  'tad': (_file('tad', ',noise=symmetric-0.4,defense=tad_fixed'), {}),
  'groupdro': (_file('groupdro'), {}),
  'trustdd': (_file('trustdd'), {}),
}
# Smooth: rounding moves no row over the edge of a ReLU.
_TEACHER = {
  'experts.epochs': 2,
  'network.activation': 'swish',
  'evaluation.epochs': 1,
}
# Which of them are not harmed, and have a teacher, trained by all devices.
TAUGHT: dict[str, tuple[Callable[[], Config], dict[str, Any]]] = {
  'rded': (
    _file('rded', ',labels=teacher'),
    {'steps': 0, **_TEACHER},
  ),
  'sre2l': (
    _file('sre2l', ',labels=teacher'),
    _TEACHER,
  ),
}
KILLS = ('kill -9', 'SIGTERM')
DENIALS = ('full disk', 'read-only', 'a failing write', 'clock set back')
DAMAGES = ('truncated', 'flipped', 'removed')
KINDS = (*KILLS, *DENIALS, *DAMAGES)
# What is damaged, where it stands below the directory of a run's home.
PLACES = {
  'checkpoints': '*/checkpoints/**/*',
  'experts': 'experts/**/*',
  'evaluations': 'run/evaluations/*.json',
  'results.json': 'run/results.json',
  'distilled.npz': 'run/distilled.npz',
}


class Found(NamedTuple):
  """What came of an injection.

  Attributes:
    stage: of the run, or the file, that it met; '' if it met nothing.
    end: 'equal', 'explained' or 'lost'.
    said: the lines of errors, or what is not equal.
  """

  stage: str
  end: str
  said: str


def config_of(family: str) -> Config:
  """Returns the configuration of a tiny run of a family."""
  make, more = {**FAMILIES, **TAUGHT}[family]
  config = make()
  config.unlock()
  config.update_from_flattened_dict({**TINY, **more})
  return config


class Writes:
  """Counts what a process writes below a directory, and acts on one of them.

  By Python's audit events: files that are opened to write, renamed or made. The
  writes of libraries in C are between those.
  """

  def __init__(self) -> None:
    self._root, self._act = '', lambda number: None
    self.seen = 0
    sys.addaudithook(self._hear)  # which stays for good

  @contextmanager
  def below(self, root: Path, act: Callable[[int], None]) -> Iterator[None]:
    """Counts what is written below a directory, and calls `act` each time."""
    self._root, self._act, self.seen = f'{root}{os.sep}', act, 0
    try:
      yield
    finally:
      self._root = ''

  def _hear(self, event: str, given: tuple[Any, ...]) -> None:
    if not self._root or event not in ('open', 'os.rename', 'os.mkdir'):
      return
    if not str(given[0]).startswith(self._root):
      return
    if event == 'open' and not _writes(given):
      return
    self.seen += 1
    self._act(self.seen)


def _writes(given: tuple[Any, ...]) -> bool:
  flags = given[2] if isinstance(given[2], int) else 0
  return bool(flags & (os.O_WRONLY | os.O_RDWR))


WRITES = Writes()


def run(
  home: Path,
  family: str,
  stop: Callable[[], bool] = lambda: False,
  devices: int = 1,
) -> str:
  """Runs a family below a home, or resumes it; returns a command's error line.

  Its directory is `run`, beside which are `experts` and `baselines`.

  Args:
    home: the directory.
    family: of `FAMILIES` or `TAUGHT`.
    stop: as of `pipeline.execute`.
    devices: on which it runs.
  """
  config, directory = config_of(family), home / 'run'
  config.devices = devices
  try:
    with workdir.claimed(directory, config):
      pipeline.execute(config, directory, stop=stop, alone=False)
  except stopping.Stopped:
    return 'stopped'
  except (UserError, FileNotFoundError) as error:  # as `runtime.cli` has it
    return f'error: {error}'
  except OSError as error:
    return f'error: {error}; what was saved before is intact: {advice(error)}'
  return ''


def outputs(home: Path) -> dict[str, bytes]:
  """Returns the files that must not depend on what happened to a run."""
  return {name: (home / 'run' / name).read_bytes() for name in OUTPUTS}


def resumed(
  home: Path, family: str, whole: dict[str, bytes]
) -> tuple[str, str]:
  """Resumes a run that was harmed, as its messages say, and judges the result.

  Returns:
    'equal', 'explained' (a line named a path to remove, and what was made
    without it is equal) or 'lost'; and what was said.
  """
  said, end = [], 'equal'
  for _ in range(3):
    line = run(home, family)
    if not line:
      break
    said.append(line)
    end = 'explained'
    told = re.search(r'remove (/\S+?)[ ,;:.]', f'{line} ')
    if told is None or not Path(told[1]).is_relative_to(home):
      return 'lost', '; '.join(said)
    shutil.rmtree(told[1]) if Path(told[1]).is_dir() else os.remove(told[1])
  else:
    return 'lost', '; '.join(said)
  wrong = [n for n, data in outputs(home).items() if data != whole[n]]
  if wrong:
    return 'lost', '; '.join([*said, f'not equal: {", ".join(wrong)}'])
  return end, '; '.join(said)


def stage_of(home: Path) -> str:
  """Tells how far a run is, by what it has written."""
  directory = home / 'run'
  if (directory / 'report.html').exists():
    return 'finished'
  if any(directory.glob('evaluations/*')):
    return 'judging'
  if (directory / 'card.json').exists():
    return 'judging'
  if any(directory.glob('checkpoints/*')):
    return 'distilling'
  if any((home / 'experts').glob('**/*.f32')) or any(
    directory.glob('*/**/checkpoints')
  ):
    return 'experts'
  return 'preparing'


def denied(
  home: Path, family: str, kind: str, moment: float, writes: int
) -> tuple[str, str]:
  """Denies a run in this process something; returns its stage and its line.

  Args:
    home: of the run.
    family: of it.
    kind: of `DENIALS`.
    moment: from 0 to 1, of the run's writes.
    writes: that a run of the family makes.
  """
  number = 1 + int(moment * writes)
  if kind == 'clock set back':
    run(home, family, stop=after(number % 7))
    stage = stage_of(home)
    for path in home.rglob('*'):
      os.utime(path, (time.time() + 10**6,) * 2)  # as a clock ahead made them
    with mock.patch('time.time', return_value=time.time() - 10**8):
      return stage, run(home, family, stop=after(2))
  if kind == 'read-only':
    run(home, family, stop=after(number % 7))
    stage = stage_of(home)
    with read_only(home):
      return stage, run(home, family)
  stages: list[str] = []

  def act(seen: int) -> None:
    first = seen == number
    if first:
      stages.append(stage_of(home))
    if first and kind == 'a failing write':
      raise OSError(errno.EIO, os.strerror(errno.EIO), str(home))
    if seen >= number and kind == 'full disk':
      raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(home))

  with WRITES.below(home, act):
    line = run(home, family)
  return stages[0] if stages else '', line


@contextmanager
def small_disk(home: Path, size: int) -> Iterator[Callable[[], None] | None]:
  """Makes a directory a disk of its own; yields what makes it large.

  Without leave to mount, it yields None, and nothing is changed.

  Args:
    home: the directory, empty.
    size: of the disk, in bytes.
  """
  size = max(size, 4096)
  mounted = os.geteuid() == 0 and not os.system(
    f'mount -t tmpfs -o size={size} tmpfs {home} 2>/dev/null'
  )

  def grow() -> None:
    assert not os.system(f'mount -o remount,size=1g {home}')

  try:
    yield grow if mounted else None
  finally:
    if mounted:
      _unmount(home)


@contextmanager
def read_only(home: Path) -> Iterator[None]:
  """Denies all writing below a directory, of libraries in C too where it can.

  Root ignores modes, so that a directory is mounted read-only on itself; where
  there is no leave for that, modes do, of anybody else.
  """
  mounted = os.geteuid() == 0 and not os.system(
    f'mount --bind -o ro {home} {home} 2>/dev/null'
  )
  places = (
    [] if mounted else [p for p in (home, *home.rglob('*')) if p.is_dir()]
  )
  for place in places:
    place.chmod(0o555)
  try:
    yield
  finally:
    if mounted:
      _unmount(home)
    for place in places:
      place.chmod(0o755)


def _unmount(home: Path) -> None:
  """Unmounts, also where a run that has ended still maps files of experts."""
  assert not os.system(f'umount --lazy {home}')


def can_deny(home: Path) -> bool:
  """Tells whether `read_only` denies anything to this process."""
  with read_only(home), suppress(OSError):
    (home / 'probe').touch()
  found = (home / 'probe').exists()
  (home / 'probe').unlink(missing_ok=True)
  return not found


def damaged(home: Path, kind: str, rng: np.random.Generator) -> str:
  """Damages a file of a run; returns which of `PLACES` it is of, '' if none."""
  there = {
    place: [p for p in sorted(home.glob(pattern)) if p.is_file()]
    for place, pattern in PLACES.items()
  }
  there = {place: files for place, files in there.items() if files}
  if not there:
    return ''
  place = str(rng.choice(list(there)))
  file = there[place][rng.integers(len(there[place]))]
  raw = bytearray(file.read_bytes())
  if kind == 'removed':
    file.unlink()
  elif kind == 'truncated':
    file.write_bytes(raw[: rng.integers(len(raw))] if raw else b'')
  elif raw:
    raw[rng.integers(len(raw))] ^= 1 << rng.integers(8)
    file.write_bytes(raw)
  return place


def after(asked: int) -> Callable[[], bool]:
  """Stops a run when it has asked so often."""
  count = iter(range(asked))
  return lambda: next(count, None) is None
