"""Runs commands as processes, and ends those that are left."""

from __future__ import annotations

from collections.abc import Sequence
import os
from pathlib import Path
import signal
import subprocess
import threading
from typing import IO

from rdd_jax.runtime import stopping


class Runner:
  """Runs commands as processes, and ends those that are left with SIGTERM.

  Each has a session of its own: a terminal's Ctrl-C is for whoever runs them,
  and reaches them once, as SIGTERM. Where that one is gone, they save and end.
  """

  def __init__(self) -> None:
    self._live: set[subprocess.Popen[bytes]] = set()
    self._lock = threading.Lock()
    self._stopping = False

  def run(
    self,
    command: Sequence[str],
    log: Path | None = None,
    seconds: float | None = None,
  ) -> bool:
    """Runs a command; SIGTERM, on which runs save, when its time is over.

    Args:
      command: and its arguments.
      log: to append its output to; None leaves it on the terminal.
      seconds: that it may take; None is no limit.

    Returns:
      Whether it exited with status 0, in time.
    """
    if log is None:
      return self._wait(self._start(command, None), seconds)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open('ab') as file:
      return self._wait(self._start(command, file), seconds)

  def stop(self) -> None:
    """Sends SIGTERM to all running commands, and starts no more."""
    with self._lock:
      self._stopping = True
      for process in self._live:
        process.send_signal(signal.SIGTERM)

  def _start(
    self, command: Sequence[str], output: IO[bytes] | None
  ) -> subprocess.Popen[bytes] | None:
    with self._lock:
      if self._stopping:
        return None
      process = subprocess.Popen(
        command,
        stdout=output,
        stderr=None if output is None else subprocess.STDOUT,
        start_new_session=True,
        env=os.environ | {stopping.PARENT: str(os.getpid())},
      )
      self._live.add(process)
      return process

  def _wait(
    self, process: subprocess.Popen[bytes] | None, seconds: float | None
  ) -> bool:
    if process is None:
      return False
    try:
      return process.wait(seconds) == 0
    except subprocess.TimeoutExpired:
      process.send_signal(signal.SIGTERM)
      process.wait()
      return False
    except KeyboardInterrupt:  # where no thread of `run_all` waits
      process.send_signal(signal.SIGTERM)
      process.wait()
      raise
    finally:
      with self._lock:
        self._live.discard(process)
