"""Rows of a stream: read by other processes, and ahead of who asks for them."""

from __future__ import annotations

from collections import OrderedDict
import hashlib
from threading import Lock
from typing import NamedTuple

import numpy as np

from rdd_jax.core.errors import UserError
from rdd_jax.runtime.sources import Source
from rdd_jax.runtime.workers import Form, Rows, Task, Unread, Workers, fetch

_AHEAD = 4  # requests that are read before they come,
_BYTES = 2**28  # of so many bytes in all, at most
_PART = 128  # rows that a process reads at once, at most


class Stream(NamedTuple):
  """What there is to be read, and what it was when it was looked at.

  Attributes:
    source: of all rows.
    form: in which they are read.
    shape: `(H, W, C)` of each.
    sums: `u32[N]`, CRC-32 of the pixels.
    where: errors call it.
  """

  source: Source
  form: Form
  shape: tuple[int, int, int]
  sums: np.ndarray
  where: str


class _Asked(NamedTuple):
  """A request on its way."""

  rows: np.ndarray  # each once
  again: np.ndarray  # where each of the request is among them
  tasks: list[Task]


class StreamReader:
  """Reads rows of a stream, see `core.streamed.Reader`.

  Which rows are read ahead is a guess: the next lines of the order that was
  last told, or what follows a run of rows. It changes when rows are read, and
  nothing else.

  Attributes:
    shape: `(N, H, W, C)`.
  """

  def __init__(
    self, stream: Stream, pool: Workers, rows: np.ndarray | None = None
  ) -> None:
    """Reads nothing yet.

    Args:
      stream: what there is.
      pool: of the processes that read it.
      rows: `i[N]`, which of it, in order; None is all.
    """
    self._stream, self._pool = stream, pool
    self._rows = np.arange(len(stream.sums)) if rows is None else rows
    height, width, channels = stream.shape
    self.shape = len(self._rows), height, width, channels
    self._asked: OrderedDict[bytes, _Asked] = OrderedDict()
    self._order = np.zeros((0, 1), np.int64)
    self._places: dict[int, dict[bytes, int]] = {}
    self._lock = Lock()

  @property
  def identity(self) -> str:
    """Returns a digest of the sums of all rows, which names their pixels."""
    found = hashlib.sha256(repr(self.shape).encode())
    found.update(self._stream.sums[self._rows].tobytes())
    return found.hexdigest()

  def some(self, rows: np.ndarray) -> StreamReader:
    """Returns a reader of rows `i[n]` alone."""
    return StreamReader(self._stream, self._pool, self._rows[rows])

  def expect(self, order: np.ndarray) -> None:
    """Learns that the lines of an order `i[steps, n]` will be asked for."""
    order = np.asarray(order, np.int64)
    with self._lock:
      if order.shape != self._order.shape or (order != self._order).any():
        self._order, self._places = order, {}

  def read(self, rows: np.ndarray) -> np.ndarray:
    """Reads rows `i[n]` as `u8[n, H, W, C]`; any thread may ask.

    Raises:
      UserError: if one cannot be read, or is not what it was.
    """
    rows = np.asarray(rows, np.int64)
    with self._lock:
      asked = self._asked.pop(rows.tobytes(), None) or self._ask(rows)
      room = _BYTES // max(rows.size * int(np.prod(self.shape[1:])), 1)
      for line in self._next(rows, min(_AHEAD, room)):
        if line.tobytes() not in self._asked:
          self._asked[line.tobytes()] = self._ask(line)
      while len(self._asked) > 4 * _AHEAD:  # guessed wrong
        self._asked.popitem(last=False)
    return self._found(asked)

  def _next(self, rows: np.ndarray, count: int) -> list[np.ndarray]:
    """Guesses the next requests."""
    size = len(rows)
    if not self._pool.count or not size:
      return []
    whole, rest = divmod(self._order.shape[1], size)
    if not rest:
      lines = self._order.reshape(-1, size)
      if size not in self._places:
        self._places[size] = {x.tobytes(): i for i, x in enumerate(lines)}
      place = self._places[size].get(rows.tobytes())
      if place is not None:  # a device asks for the same share of each line
        return list(lines[place + whole :: whole][:count])
    first, end = int(rows[0]), self.shape[0]
    if size < 2 or first + size >= end or (np.diff(rows) != 1).any():
      return []
    starts = range(first + size, min(first + size * (1 + count), end), size)
    return [np.minimum(np.arange(s, s + size), end - 1) for s in starts]

  def _ask(self, rows: np.ndarray) -> _Asked:
    own, again = np.unique(self._rows[rows], return_inverse=True)
    workers = max(self._pool.count, 1)
    parts = max(-(-len(own) // _PART), min(workers, len(own)), 1)
    source, form, shape = self._stream[:3]
    tasks = [
      self._pool.submit(fetch, source.some(part), form, shape)
      for part in np.array_split(own, parts)
      if len(part)
    ]
    return _Asked(own, again.reshape(-1), tasks)

  def _found(self, asked: _Asked) -> np.ndarray:
    done, parts = 0, [np.zeros((0, *self.shape[1:]), np.uint8)]
    for task in asked.tasks:
      found: Rows | Unread = self._pool.result(task)
      if isinstance(found, Unread):
        raise self._fault(int(asked.rows[done + found.row]), found.reason)
      rows = asked.rows[done : done + len(found.sums)]
      changed = np.flatnonzero(found.sums != self._stream.sums[rows])
      if len(changed):
        raise self._fault(int(rows[changed[0]]), 'another image than before')
      parts.append(found.images)
      done += len(found.sums)
    return np.concatenate(parts)[asked.again]

  def _fault(self, row: int, reason: str) -> UserError:
    stream = self._stream
    return UserError(
      f'{stream.where}: {stream.source.name(row)} is {reason}, and could be '
      'read when the run began: put it back, and give the same command again'
    )
