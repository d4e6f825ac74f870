"""What a run takes: seconds of each stage, and memory, over all its parts.

None of it is a result: two runs of equal results take different times, so it
stands in a file of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
import contextlib
import json
from pathlib import Path
import time
from typing import Any

import jax

from rdd_jax.runtime import memory
from rdd_jax.runtime.files import write_atomically

FILE = 'cost.json'
STAGES = (
  'loading',
  'preparing',
  'experts',
  'compiling',
  'distilling',
  'judging',
)
EVERY = 10.0  # Seconds of the account that a kill may cost.


class Clock:
  """Seconds by stage; a stage within a stage is not counted twice.

  Work that a kill undid and that was done again counts twice: it was taken.
  """

  def __init__(self, path: Path | None = None):
    """Continues the account at `path`, if there is one; None keeps no file."""
    self._path = path if jax.process_index() == 0 else None
    before = _read(self._path) if self._path else {}
    self._seconds = dict.fromkeys(STAGES, 0.0) | before.get('seconds', {})
    self._parts = before.get('parts', 0) + 1
    self._memory = before.get('memory', {})
    self._open: list[str] = []
    self._last = self._written = time.monotonic()

  @contextlib.contextmanager
  def stage(self, name: str) -> Iterator[None]:
    """Counts what is done inside for the stage, but for stages inside it."""
    self._lap()
    self._open.append(name)
    try:
      yield
    finally:
      self._lap()
      self._open.pop()
      self.write()

  def watch(self, stop: Callable[[], bool]) -> Callable[[], bool]:
    """Returns `stop`, which then also keeps the file up to date."""

    def watched() -> bool:
      self._lap()
      if self._last - self._written > EVERY:
        self.write()
      return stop()

    return watched

  def account(self) -> dict[str, Any]:
    """Returns what `cost.json` holds.

    `seconds` by stage, and their `total`, of all `parts`, one for each time
    that the run was started; the peak `memory` in bytes of any part,
    `resident` of the process and of the first `device`, None where it is not
    known; and the `devices`.
    """
    peaks = {
      'resident': memory.resident_peak(),
      'device': memory.device_peak(),
    }
    return {
      'seconds': {name: round(s, 3) for name, s in self._seconds.items()},
      'total': round(sum(self._seconds.values()), 3),
      'parts': self._parts,
      'memory': {
        name: max((x for x in (now, self._memory.get(name)) if x), default=None)
        for name, now in peaks.items()
      },
      'devices': devices(),
    }

  def write(self) -> None:
    """Writes the file, whole."""
    self._written = time.monotonic()
    if self._path is not None:
      text = json.dumps(self.account(), indent=1)
      with contextlib.suppress(OSError):  # An account is not worth a run.
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self._path, text.encode())

  def _lap(self) -> None:
    now = time.monotonic()
    if self._open:
      self._seconds[self._open[-1]] += now - self._last
    self._last = now


def devices() -> str:
  """Tells how many devices of which kind jax sees."""
  return f'{jax.device_count()} x {jax.devices()[0].device_kind}'


def clock(directory: Path) -> Clock:
  """Returns the clock of a run; one that has its results keeps no file."""
  finished = (directory / 'results.json').exists()
  return Clock(None if finished else directory / FILE)


def _read(path: Path) -> dict[str, Any]:
  try:
    return json.loads(path.read_text())
  except (OSError, ValueError):  # Likewise.
    return {}
