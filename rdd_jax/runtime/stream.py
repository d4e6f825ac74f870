"""Rows of a stream: read by other processes, and ahead of who asks for them."""

from __future__ import annotations

from collections import OrderedDict
from itertools import pairwise
from threading import Lock
from typing import NamedTuple

import numpy as np

from rdd_jax.core.errors import UserError
from rdd_jax.core.streamed import identity_of
from rdd_jax.runtime.rows import Form, Looked, Rows, Unread, fetch
from rdd_jax.runtime.shared import Shared, share
from rdd_jax.runtime.sources import Source
from rdd_jax.runtime.workers import Task, Workers

_AHEAD = 3  # requests for each process that are read before they come,
_MOST = 32  # of all processes,
_BYTES = 2**27  # and of so many bytes; twice, where it was guessed wrong
_PART = 128  # rows that a process reads at once, at most


class Stream(NamedTuple):
  """What there is to be read, and what it was when it was looked at.

  Attributes:
    source: of all rows.
    form: in which they are read.
    shape: `(H, W, C)` of each.
    seen: what they were like.
    where: errors call it.
  """

  source: Source
  form: Form
  shape: tuple[int, int, int]
  seen: Looked
  where: str


class _Asked(NamedTuple):
  """A request on its way."""

  rows: np.ndarray  # each once
  again: np.ndarray  # where each of the request is among them
  shared: Shared | None  # where they will be, unless they are sent
  tasks: list[Task]

  def drop(self) -> None:
    for task in self.tasks:
      task.drop()


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
    self._rows = np.arange(len(stream.seen.sums)) if rows is None else rows
    height, width, channels = stream.shape
    self.shape = len(self._rows), height, width, channels
    self._asked: OrderedDict[bytes, _Asked] = OrderedDict()
    self._order = np.zeros((0, 1), np.int64)
    self._places: dict[int, dict[bytes, int]] = {}
    self._lock = Lock()

  @property
  def identity(self) -> str:
    """Names the pixels of all rows."""
    return identity_of(self.shape, self._stream.seen.sums[self._rows])

  def some(self, rows: np.ndarray) -> StreamReader:
    """Returns a reader of rows `i[n]` alone."""
    return StreamReader(self._stream, self._pool, self._rows[rows])

  def expect(self, order: np.ndarray) -> None:
    """Learns that the lines of an order `i[steps, n]` will be asked for."""
    order = np.asarray(order, np.int64)
    with self._lock:
      if order.shape == self._order.shape and (order == self._order).all():
        return
      self._order, self._places = order, {}
      for key, asked in list(self._asked.items()):
        if key not in self._lines(len(asked.again)):  # of another order
          self._asked.pop(key).drop()

  def read(self, rows: np.ndarray) -> np.ndarray:
    """Reads rows `i[n]` as `u8[n, H, W, C]`; any thread may ask.

    Raises:
      UserError: if one cannot be read, or is not what it was.
    """
    rows = np.asarray(rows, np.int64)
    if not rows.size:
      return np.zeros((0, *self.shape[1:]), np.uint8)
    with self._lock:
      count = self._pool.count
      asked = self._asked.pop(rows.tobytes(), None) or self._ask(rows, count)
      room = _BYTES // (rows.size * int(np.prod(self.shape[1:])))
      ahead = min(_AHEAD * count, room, _MOST)
      for line in self._next(rows, ahead):
        if line.tobytes() not in self._asked:
          self._asked[line.tobytes()] = self._ask(line, 1)
      shares = self._order.shape[1] // rows.size
      while len(self._asked) > ahead + max(ahead, shares):  # guessed wrong
        self._asked.popitem(last=False)[1].drop()
    try:
      return self._found(asked)
    finally:
      asked.drop()  # what is left of it, after a fault

  def _next(self, rows: np.ndarray, count: int) -> list[np.ndarray]:
    """Guesses the next requests, so many of all devices."""
    size = len(rows)
    if not count:
      return []
    place = self._lines(size).get(rows.tobytes())
    if place is not None:  # a device asks for the same share of each line
      whole = self._order.shape[1] // size
      lines = self._order.reshape(-1, size)
      return list(lines[place + whole :: whole][: -(-count // whole)])
    first, end = int(rows[0]), self.shape[0]
    if size < 2 or first + size >= end or (np.diff(rows) != 1).any():
      return []
    starts = range(first + size, min(first + size * (1 + count), end), size)
    return [np.minimum(np.arange(s, s + size), end - 1) for s in starts]

  def _lines(self, size: int) -> dict[bytes, int]:
    """The requests of so many rows that the order has, by their place."""
    if size not in self._places:
      even = self._order.shape[1] % size == 0
      lines = self._order.reshape(-1, size) if even else ()
      self._places[size] = {line.tobytes(): i for i, line in enumerate(lines)}
    return self._places[size]

  def _ask(self, rows: np.ndarray, parts: int) -> _Asked:
    """Asks for rows, in so many parts if they are not too large."""
    own, again = np.unique(self._rows[rows], return_inverse=True)
    parts = max(-(-len(own) // _PART), min(parts, len(own)), 1)
    source, form, shape, seen = self._stream[:4]
    shared = share((len(own), *shape)) if self._pool.count else None
    ends = np.linspace(0, len(own), parts + 1).astype(int).tolist()
    tasks = []
    for first, end in pairwise(ends):
      part, place = own[first:end], shared and shared.part(first, end)
      arguments = source.some(part), form, shape, seen.files[part], place
      tasks.append(self._pool.submit(fetch, *arguments))
    return _Asked(own, again.reshape(-1), shared, tasks)

  def _found(self, asked: _Asked) -> np.ndarray:
    shape, done = (len(asked.rows), *self.shape[1:]), 0
    images = asked.shared.rows if asked.shared else np.empty(shape, np.uint8)
    for task in asked.tasks:
      found: Rows | Unread = self._pool.result(task)
      if isinstance(found, Unread):
        raise self._fault(int(asked.rows[done + found.row]), found.reason)
      rows = asked.rows[done : done + len(found.sums)]
      changed = np.flatnonzero(found.sums != self._stream.seen.sums[rows])
      if len(changed):
        raise self._fault(int(rows[changed[0]]), 'another image than before')
      if found.images is not None:
        images[done : done + len(rows)] = found.images
      done += len(rows)
    return images[asked.again]

  def _fault(self, row: int, reason: str) -> UserError:
    stream = self._stream
    return UserError(
      f'{stream.where}: {stream.source.name(row)} is {reason}, and could be '
      'read when the run began: put it back, and give the same command again'
    )
