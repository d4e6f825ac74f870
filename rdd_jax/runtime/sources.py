"""Where the images of a stream are on disk, by row.

A source is sent to other processes, so that what is imported here is imported
by each of them: not JAX.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
import os
from typing import Any, Protocol

import numpy as np

from rdd_jax.runtime import decode
from rdd_jax.runtime.pixels import Place

_OPEN = 64  # files of records that a process holds open


class Unopened(Exception):
  """A file of records of which none can be read, and why."""


class Source(Protocol):
  """Encoded images on disk.

  Each source has as many rows as `len` says; it can be pickled.
  """

  def __len__(self) -> int: ...

  def some(self, rows: np.ndarray) -> Source:
    """Returns the source of rows `i[n]` alone."""
    ...

  def places(self) -> Sequence[Place]:
    """Returns where all rows are, in order."""
    ...

  def name(self, row: int) -> str:
    """Returns what a message calls a row."""
    ...


@dataclass(frozen=True)
class Files:
  """Image files.

  Attributes:
    paths: of all rows.

  >>> len(Files(['a.png', 'b.png']).some(np.array([1])))
  1
  """

  paths: list[str]

  def __len__(self) -> int:
    return len(self.paths)

  def some(self, rows: np.ndarray) -> Files:
    """Returns the files of rows `i[n]`."""
    return Files([self.paths[row] for row in rows])

  def places(self) -> Sequence[Place]:
    """Returns all paths."""
    return self.paths

  def name(self, row: int) -> str:
    """Returns the path of a row."""
    return self.paths[row]


@dataclass(frozen=True)
class Records:
  """Parts of the records of array_record files.

  Attributes:
    files: their paths.
    where: `i32[N, 4]`: of each row the number of its file, the record in it,
      and the first byte of the image in the record, and its length.
  """

  files: list[str]
  where: np.ndarray

  def __len__(self) -> int:
    return len(self.where)

  def some(self, rows: np.ndarray) -> Records:
    """Returns the records of rows `i[n]`, and the files that have them."""
    where = self.where[rows]
    used, numbers = np.unique(where[:, 0], return_inverse=True)
    where = np.concatenate([numbers.reshape(-1, 1), where[:, 1:]], 1)
    return Records([self.files[i] for i in used], where)

  def places(self) -> Sequence[Place]:
    """Reads all records, those of a file together."""
    found: list[Any] = [None] * len(self)
    for number, path in enumerate(self.files):
      rows = np.flatnonzero(self.where[:, 0] == number)
      try:
        records = read_records(path, self.where[rows, 1].tolist())
      except Unopened as error:
        records = [decode.Undecodable(f'not readable: {error}')] * len(rows)
      for row, record in zip(rows, records, strict=True):
        found[row] = partial(_image, record, *self.where[row, 2:].tolist())
    return found

  def name(self, row: int) -> str:
    """Returns the file and the record of a row."""
    number, record = self.where[row, :2].tolist()
    return f'record {record} of {self.files[number]}'


def read_records(
  path: str, numbers: Sequence[int]
) -> list[bytes | decode.Undecodable]:
  """Reads records of an array_record file; a damaged one costs no other.

  Args:
    path: of the file.
    numbers: of the records, at least one.

  Returns:
    What is in each, or what is wrong with it.

  Raises:
    Unopened: if the file is no such file, or was cut short.
  """
  try:
    reader = _opened(path, os.stat(path).st_mtime_ns)
  except Exception as error:  # of what kind depends on the damage
    raise Unopened(str(error).partition('\n')[0]) from error
  if max(numbers) >= reader.num_records():
    raise Unopened(f'it has {reader.num_records()} records')
  return _halved(reader, numbers)


def _halved(
  reader: Any, numbers: Sequence[int]
) -> list[bytes | decode.Undecodable]:
  """Reads records at once, or else each half of them."""
  try:
    return reader.read(numbers)
  except Exception:
    if len(numbers) == 1:
      return [decode.Undecodable('not readable')]
  middle = len(numbers) // 2
  return _halved(reader, numbers[:middle]) + _halved(reader, numbers[middle:])


def _image(
  record: bytes | decode.Undecodable, first: int, length: int
) -> bytes:
  if isinstance(record, decode.Undecodable):
    raise record
  return record[first : first + length]


@lru_cache(_OPEN)
def _opened(path: str, changed: int) -> Any:
  """Opens a file of records as it is since it was `changed`."""
  from array_record.python import (
    array_record_module,  # pyright: ignore[reportAttributeAccessIssue]
  )

  del changed
  # A buffer would be filled for each record, as these are in no order.
  reader = array_record_module.ArrayRecordReader(
    path, options='readahead_buffer_size:0'
  )
  if not reader.num_records():
    reader.read([0])  # raises what is wrong, but for a cut after 64 KB
  return reader
