"""Processes that read rows of images, and start again where one was killed."""

from __future__ import annotations

import atexit
from concurrent.futures import BrokenExecutor, Future
from functools import cache, partial
import os
from threading import Lock
from typing import Any, NamedTuple

from rdd_jax.core.errors import UserError
from rdd_jax.runtime.logging import say
from rdd_jax.runtime.pixels import begin, most_workers

MOST = 256  # processes
_TRIES = 3  # to start processes, of which none is heard of

_started: list[Workers] = []


class Task(NamedTuple):
  """What a process does.

  Attributes:
    future: of what it returns.
    pool: of the processes, or None.
    call: the function and its arguments.
  """

  future: Future
  pool: Any
  call: tuple[Any, ...]

  def drop(self) -> None:
    """Gives it up, if no process has begun with it."""
    self.future.cancel()


class Workers:
  """Processes that are started when they are first asked, and if killed again.

  Attributes:
    count: of processes; 0 works in this one.
  """

  def __init__(self, count: int) -> None:
    """Starts nothing yet.

    Args:
      count: of processes.
    """
    self.count = count
    self._pool: Any = None
    self._lost = 0  # in turn
    self._lock = Lock()

  def submit(self, function: Any, *args: Any) -> Task:
    """Has a process call a function, or this one, now, where there are none.

    Args:
      function: that can be pickled,
      *args: and its arguments, likewise.
    """
    call = (function, *args)
    if not self.count:
      done: Future = Future()
      done.set_result(function(*args))
      return Task(done, None, call)
    while True:
      with self._lock:
        self._pool = pool = self._pool or self._start()
      try:
        return Task(pool.submit(*call), pool, call)
      except BrokenExecutor as error:
        self._replace(pool, error)

  def result(self, task: Task) -> Any:
    """Waits for what a call returns; calls again where a process was killed.

    Args:
      task: as `submit` returned it.

    Raises:
      UserError: if processes are killed again and again.
    """
    while True:
      try:
        found = task.future.result()
      except BrokenExecutor as error:
        self._replace(task.pool, error)
        task = self.submit(*task.call)
      else:
        self._lost = 0
        return found

  def stop(self) -> None:
    """Ends all processes."""
    with self._lock:
      if self._pool is not None:
        self._pool.shutdown(kill_workers=True)
      self._pool = None

  def _start(self) -> Any:
    from joblib.externals.loky import ProcessPoolExecutor
    from PIL import Image, ImageFile

    limits = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES
    return ProcessPoolExecutor(
      self.count, initializer=partial(begin, os.getpid(), *limits)
    )

  def _replace(self, pool: Any, error: Exception) -> None:
    """Drops a broken pool, so that the next call starts another."""
    with self._lock:
      if self._pool is not pool:
        return  # another thread has seen it first
      self._pool, self._lost = None, self._lost + 1
      pool.shutdown(wait=False)
      if self._lost == _TRIES:
        raise UserError(
          'processes that read images were killed '
          f'{_TRIES} times in turn: if memory is short, give fewer of them by '
          '--config.data.workers=1'
        ) from error
    say('a process that read images was killed: they are started again')


@cache
def workers(count: int | None = None) -> Workers:
  """Returns the processes of this one, which end with it.

  Args:
    count: of processes; None takes as many as there are cores, at most 8, and
      0 reads in this one.

  Raises:
    UserError: for a count below 0 or above `MOST`.
  """
  if count is not None and not 0 <= count <= MOST:
    raise UserError(f'workers={count}: give 0 to {MOST}, or None')
  found = Workers(most_workers() if count is None else count)
  _started.append(found)
  return found


@atexit.register
def stop() -> None:
  """Ends the processes of all `workers`."""
  for found in _started:
    found.stop()
