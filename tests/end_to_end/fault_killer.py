"""Starts runs that end by a signal, at a write that an order names.

A script that reads orders as lines of JSON, and forks a process for each, which
has imported everything and has not started JAX: that saves most of the time
of a command. The process is one like any command's: by `runtime.cli.start`,
with its handlers of signals, and ended by the system.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import threading
from typing import Any, NoReturn

from end_to_end import fault_cases as cases
from helpers import ROOT

from rdd_jax.runtime import cli


class Killer:
  """The other process; a context."""

  def __enter__(self) -> Killer:
    paths = os.pathsep.join([str(ROOT), str(ROOT / 'tests')])
    self._process = subprocess.Popen(
      [sys.executable, '-m', 'end_to_end.fault_killer'],
      env={**os.environ, 'PYTHONPATH': paths},
      cwd=ROOT,
      stdin=subprocess.PIPE,
      stdout=subprocess.PIPE,
      text=True,
    )
    return self

  def __exit__(self, *_: object) -> None:
    self._process.communicate()  # closes what it reads, which ends it

  def run(
    self, home: Path, family: str, number: int, write: int, delay: float
  ) -> tuple[int, str]:
    """Runs a family until it is ended.

    Args:
      home: of the run.
      family: of it.
      number: of the signal.
      write: of its writes, after which it is sent.
      delay: seconds after that.

    Returns:
      The exit status, negative for a signal that ended it; and its last line.
    """
    assert self._process.stdin is not None
    assert self._process.stdout is not None
    log = home.with_suffix('.log')
    order = [str(home), family, int(number), write, delay, str(log)]
    self._process.stdin.write(json.dumps(order) + '\n')
    self._process.stdin.flush()
    status = int(self._process.stdout.readline())
    lines = log.read_text().splitlines()
    log.unlink()
    return status, lines[-1] if lines else ''


def _child(
  home: str, family: str, number: int, write: int, delay: float, log: str
) -> NoReturn:
  file = os.open(log, os.O_CREAT | os.O_WRONLY)
  os.dup2(file, 1)
  os.dup2(file, 2)

  def act(seen: int) -> None:
    if seen == write:
      end = (os.getpid(), signal.Signals(number))
      threading.Timer(delay, os.kill, end).start()

  def main(_: Any) -> None:
    with cases.WRITES.below(Path(home), act):
      if line := cases.run(Path(home), family):
        cli.fail(line)

  sys.argv = ['faults']
  cli.start(main, resumes=True)
  raise SystemExit


def serve() -> None:
  """Reads orders until there are no more."""
  for line in sys.stdin:
    child = os.fork()
    if not child:
      try:
        _child(*json.loads(line))
      except SystemExit as error:
        os._exit(error.code if isinstance(error.code, int) else 0)
      except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == '__main__':
  serve()
