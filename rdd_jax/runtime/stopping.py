"""Ends a command that a signal asks to: what it has is saved, in seconds.

The first of `SIGNALS` interrupts the command, as Ctrl-C does every program in
Python. Where it would tear something, `deferred`, it is only noted, and whoever
works there asks `asked` between two steps. Python runs handlers of signals
between two of its own instructions, and a program of XLA may be one for
minutes; an import is not interrupted, either. So a thread waits beside it, and
after `GRACE` ends the process. That loses no more than `kill -9` would, from
which everything resumes. What should not be lost is `finished` first: a
checkpoint in writing, a program in compilation. A second signal ends the
process at once. The exit status is 128 and the number of the signal, as shells
have it: 130 of Ctrl-C, 143 of SIGTERM.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
import contextlib
import os
import select
import shlex
import signal
import socket
import sys
import threading
import time
from types import FrameType
from typing import NoReturn

NAMES = ('SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2')
SIGNALS = [getattr(signal, n) for n in NAMES if hasattr(signal, n)]
GRACE = 4.0  # seconds from a signal to the end, where nothing is to finish
# What wraps a command may pass on a signal that the command has got as well, as
# a terminal's Ctrl-C: those are one.
ECHO = 0.25
PARENT = 'RDD_JAX_ENDS_WITH'  # a process, after whose end this one saves


class Stopped(Exception):
  """The run was asked to stop, and has saved its state."""


class Interrupted(KeyboardInterrupt):
  """A signal has come while nothing had to be finished first."""


class _Watch:
  """What this process knows of the signals that it got."""

  def __init__(self) -> None:
    self.number = 0  # of the first signal
    self.depth = 0  # of `deferred`
    self.unfinished: list[tuple[str, Callable[[], object]]] = []
    self.finished_at = 0.0
    self.on = self.resumes = self.raised = False
    self.leaving: Callable[[], object] = lambda: None
    self.announced = threading.Lock()  # is left acquired


_watch = _Watch()


def asked() -> bool:
  """Returns whether this command was asked to stop."""
  return bool(_watch.number)


@contextlib.contextmanager
def deferred() -> Iterator[None]:
  """Holds back interruptions; for code that looks at `asked` itself.

  Raises:
    Interrupted: at its end, if a signal has come and nothing else was raised.
  """
  _watch.depth += 1
  try:
    yield
  finally:
    _watch.depth -= 1
  if _watch.number and not (_watch.depth or _watch.raised):
    _watch.raised = True
    raise Interrupted


@contextlib.contextmanager
def finished(
  what: str, again: Callable[[], object] = lambda: None
) -> Iterator[None]:
  """Finishes something before a signal ends this process, however long.

  Args:
    what: in words: 'compiling the step'.
    again: called when a second signal ends the process nevertheless.

  Raises:
    Interrupted: see `deferred`.
  """
  with deferred():
    _watch.unfinished.append((what, again))
    try:
      yield
    finally:
      _watch.finished_at = time.monotonic()
      _watch.unfinished.pop()


def watch(resumes: bool) -> None:
  """Handles signals from here to the end of the process; in its main thread.

  Args:
    resumes: whether the same command resumes, or begins again.
  """
  _watch.on, _watch.resumes = True, resumes
  parent = int(os.environ.pop(PARENT, 0))
  ours, theirs = socket.socketpair()
  theirs.setblocking(False)
  signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
  handle()
  listener = threading.Thread(
    target=_listen, args=(ours, theirs, parent), daemon=True
  )
  listener.start()


def handle() -> None:
  """Sets the handlers of a process that is watched; again, after a library has.

  `jax.distributed.initialize` takes SIGTERM for itself. A SIGHUP that is
  ignored, as by nohup, still is.
  """
  for number in SIGNALS if _watch.on else ():
    ignored = signal.getsignal(number) is signal.SIG_IGN
    if not (ignored and number == getattr(signal, 'SIGHUP', None)):
      signal.signal(number, _handle)


def on_leaving(call: Callable[[], object]) -> None:
  """Has something called before a signal ends this process.

  Args:
    call: is short, and called from any thread.
  """
  _watch.leaving = call


def command() -> str:
  """Returns the command line of this process, for a shell."""
  spec = getattr(sys.modules['__main__'], '__spec__', None)
  start = ['-m', spec.name.removesuffix('.__main__')] if spec else sys.argv[:1]
  return shlex.join(['python', *start, *sys.argv[1:]])


def leave(*, saved: bool = True) -> NoReturn:
  """Says what resumes this command, and ends the process, at once.

  Python and XLA would take seconds to clear up what ends with the process.

  Args:
    saved: all that was done; False says that some of it may be done again.
  """
  _watch.leaving()
  if not _watch.resumes:
    how, go_on = 'stopped', 'begin again'
  elif saved:
    how, go_on = 'stopped and saved', 'resume'
  else:
    how, go_on = 'stopped; what was saved is intact', 'resume'
  _end(1, f'{how}; to {go_on}: {command()}', 128 + (_watch.number or 2))


def end(line: str, status: int = 1) -> NoReturn:
  """Ends the process from any thread, at once, with a line of an error."""
  _end(2, line, status)


def _end(where: int, line: str, status: int) -> NoReturn:
  if workers := sys.modules.get('rdd_jax.runtime.workers'):
    workers.stop()  # or semaphores of theirs are left, which Python says
  flushing = threading.Thread(target=_flush, daemon=True)
  flushing.start()
  flushing.join(0.2)  # another thread may hold what it needs
  _write(where, line)
  os._exit(status)


def _handle(number: int, frame: FrameType | None) -> None:
  _watch.number = _watch.number or number
  _announce()
  if not (_watch.depth or _watch.raised or _imports(frame)):
    _watch.raised = True
    raise Interrupted


def _imports(frame: FrameType | None) -> bool:
  """Whether a module is imported: libraries in C may abort if that fails."""
  while frame is not None:
    if frame.f_code.co_filename.startswith('<frozen importlib'):
      return True
    frame = frame.f_back
  return False


def _listen(ours: socket.socket, theirs: socket.socket, parent: int) -> None:
  """Waits for signals, and ends the process where the main thread does not."""
  first, echoes = 0.0, 0
  while theirs.fileno() >= 0:  # until the interpreter is gone
    ready = select.select([ours], [], [], 0.1 if first else 1.0)[0]
    now = time.monotonic()
    got = [n for n in ours.recv(64) if n in SIGNALS] if ready else []
    got, echoes = got[echoes:], max(echoes - len(got), 0)
    if got and not first:
      first, _watch.number = now, _watch.number or got[0]
      _announce()
    elif got and now - first > ECHO:
      for _, again in _watch.unfinished:
        again()
      leave(saved=False)
    elif parent and os.getppid() != parent:
      parent = 0
      os.kill(os.getpid(), signal.SIGTERM)
    elif first and not (_watch.depth or _watch.raised):
      echoes += 1  # it was importing
      signal.pthread_kill(threading.main_thread().ident or 0, _watch.number)
    late = first and now > max(first + GRACE, _watch.finished_at + 1)
    if late and not _watch.unfinished:
      leave(saved=False)


def _announce() -> None:
  """Says that the signal has come: once, before anything follows from it."""
  if not _watch.announced.acquire(blocking=False):
    return
  what = _watch.unfinished[-1][0] if _watch.unfinished else ''
  name = signal.Signals(_watch.number).name
  first = f', after {what}' if what else ''
  _write(2, f'{name}: stopping{first}; again stops at once')


def _flush() -> None:
  for stream in (sys.stdout, sys.stderr):
    with contextlib.suppress(OSError, ValueError):
      stream.flush()


def _write(where: int, line: str) -> None:
  """Writes a line past Python's buffers, which another thread may hold."""
  with contextlib.suppress(OSError):
    os.write(where, f'{line}\n'.encode())
