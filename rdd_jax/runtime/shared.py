"""Memory in which processes write, and another reads what they wrote."""

from __future__ import annotations

import mmap
import os
from typing import NamedTuple
import weakref

import numpy as np


class Part(NamedTuple):
  """Some rows of shared memory, as another process finds them.

  Attributes:
    path: of the file that this memory is, as long as it is open.
    file: its device and its number, for another may have this path later.
    first: of the rows,
    end: and the one after them.
  """

  path: str
  file: tuple[int, int]
  first: int
  end: int

  def open(self, shape: tuple[int, ...]) -> np.ndarray | None:
    """Returns the rows `u8[n, *shape]`, to be written.

    None where this process may not, or once nobody waits for them.

    Args:
      shape: of a row.
    """
    try:
      file = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)
    except OSError:
      return None
    try:
      if _number(file) != self.file:
        return None
      memory = mmap.mmap(file, 0)
    finally:
      os.close(file)
    rows = np.frombuffer(memory, np.uint8).reshape(-1, *shape)
    return rows[self.first : self.end]


class Shared:
  """Rows `u8[n, *shape]` that other processes write.

  The memory has no name in any directory, so that nothing of it is left
  whatever ends.

  Attributes:
    rows: as they are now.
  """

  def __init__(self, shape: tuple[int, ...]) -> None:
    """Takes memory.

    Args:
      shape: of all rows, which are not none.

    Raises:
      OSError: where there is none, or none can be shared, see `share`.
    """
    file = os.memfd_create('rows')
    weakref.finalize(self, os.close, file)
    self._path = f'/proc/{os.getpid()}/fd/{file}'
    self._number = _number(file)
    os.stat(self._path)
    os.ftruncate(file, int(np.prod(shape)))
    memory = mmap.mmap(file, 0)
    self.rows = np.frombuffer(memory, np.uint8).reshape(shape)

  def part(self, first: int, end: int) -> Part:
    """Returns rows `first` to `end` for another process."""
    return Part(self._path, self._number, first, end)


def _number(file: int) -> tuple[int, int]:
  """What tells an open file from all others."""
  found = os.fstat(file)
  return found.st_dev, found.st_ino


def share(shape: tuple[int, ...]) -> Shared | None:
  """Takes memory to share, or returns None where an OS has none of this kind.

  Args:
    shape: of all rows, which are not none.

  >>> shared = share((3, 2))
  >>> if shared:
  ...   shared.part(1, 3).open((2,))[:] = 7
  >>> shared is None or shared.rows.tolist() == [[0, 0], [7, 7], [7, 7]]
  True
  """
  try:
    return Shared(shape) if hasattr(os, 'memfd_create') else None
  except OSError:
    return None
