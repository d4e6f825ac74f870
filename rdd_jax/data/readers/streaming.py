"""Looks at images, and leaves them on disk."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import chain

import numpy as np

from rdd_jax.core.streamed import Streamed
from rdd_jax.runtime.progress import Progress
from rdd_jax.runtime.rows import Form, Looked, look
from rdd_jax.runtime.sources import Source
from rdd_jax.runtime.stream import Stream, StreamReader
from rdd_jax.runtime.workers import Task, Workers

_CHUNK = 128  # rows that a process looks at, at once


def look_at(
  source: Source, form: Form, pool: Workers, progress: Progress
) -> Looked:
  """Reads each row once, and keeps what it is like.

  Args:
    source: of the rows.
    form: the size and the channels in which they are read.
    pool: of the processes.
    progress: told of each row.
  """
  parts = []
  for part in _looked(source, form, pool):
    parts.append(part)
    progress.advance(len(part.sums))
  shapes, sums, files, notes = zip(*parts, strict=True)
  return Looked(
    np.concatenate(shapes),
    np.concatenate(sums),
    np.concatenate(files),
    list(chain(*notes)),
  )


def _looked(source: Source, form: Form, pool: Workers) -> Iterator[Looked]:
  ahead: deque[Task] = deque()
  starts = range(0, len(source), _CHUNK)
  for start in starts or [0]:
    part = source.some(np.arange(start, min(start + _CHUNK, len(source))))
    ahead.append(pool.submit(look, part, form))
    if len(ahead) > 2 * pool.count:
      yield pool.result(ahead.popleft())
  while ahead:
    yield pool.result(ahead.popleft())


def stream(
  source: Source, form: Form, seen: Looked, where: str, pool: Workers
) -> Streamed:
  """Returns the rows that could be read, which have one shape.

  Args:
    source: of the rows.
    form: in which they were looked at.
    seen: what they are like.
    where: errors call them.
    pool: of the processes.
  """
  rows = np.flatnonzero(seen.shapes[:, 0])
  height, width, channels = map(int, seen.shapes[rows[0]])
  found = Stream(source, form, (height, width, channels), seen, where)
  return Streamed(StreamReader(found, pool, rows))
