"""The snapshots of experts on disk, and how one knows that they are whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import json
import os
from pathlib import Path
from typing import Any, NamedTuple
import uuid
import zlib

from absl import logging
import numpy as np

from rdd_jax.core.errors import UserError
from rdd_jax.runtime.files import advice, write_atomically


class Buffer(NamedTuple):
  """Which experts there should be, and where.

  Attributes:
    directory: below which buffers stand, each named after what made it.
    scratch: a directory of this run alone, for experts in training.
    number: of experts.
    snapshots: the epochs after which variables are kept, ascending.
    parallel: experts trained in one program; a multiple of the devices, or 1,
      which all of them train together.
    made_of: names and values that, with the data and the key, make the experts
      what they are; whatever JSON can hold.
    what: they are called while they are trained.
  """

  directory: Path
  scratch: Path
  number: int
  snapshots: tuple[int, ...]
  parallel: int
  made_of: Mapping[str, Any]
  what: str = 'experts'


class Store(NamedTuple):
  """The experts of one buffer.

  Expert 7 is `expert-00007.f32`, its snapshots one after the other, and, once
  all of them are there, `expert-00007.json`: the shape, and a CRC-32 for each.

  Attributes:
    path: the directory.
    snapshots: of each expert.
  """

  path: Path
  snapshots: int

  def begin(self, made_of: Mapping[str, Any]) -> None:
    """Makes the directory, and says in it what it is for.

    Args:
      made_of: what decides what the experts are.

    Raises:
      UserError: if it cannot be written to.
    """
    text = json.dumps(made_of, indent=1, sort_keys=True, default=str)
    try:
      self.path.mkdir(parents=True, exist_ok=True)
      write_atomically(self.path / 'made_of.json', text.encode())
    except OSError as error:
      raise UserError(
        f'cannot write experts, or a teacher, to {self.path} '
        f'({error.strerror}): {advice(error)}, or keep them elsewhere, '
        '--config.experts.directory=DIR'
      ) from error

  def read(self, number: int) -> np.ndarray:
    """Reads the snapshots of a finished expert, `f32[snapshots, p]`, mapped."""
    path = self._file(number)
    shape = tuple(json.loads(path.with_suffix('.json').read_text())['shape'])
    return np.memmap(path, np.float32, 'r', shape=shape)

  def missing(self, count: int) -> list[int]:
    """Returns which of the first `count` are to be trained."""
    return [number for number in range(count) if not self._is_whole(number)]

  def _is_whole(self, number: int) -> bool:
    path = self._file(number)
    manifest = path.with_suffix('.json')
    if not manifest.exists():
      return False
    try:
      described = json.loads(manifest.read_text())
      rows, size = described['shape']
      sums = described['crc32']
      fault = (
        fault_of(path, sums, size)
        if rows == len(sums) == self.snapshots
        else f'{manifest} is of {rows} snapshots, not {self.snapshots}'
      )
    except (ValueError, KeyError, TypeError):
      fault = f'{manifest} is unreadable'
    if fault is None:
      return True
    logging.warning('%s: removed, this expert is trained again', fault)
    manifest.unlink()
    path.unlink(missing_ok=True)
    return False

  def draft(self, mark: str, number: int) -> Path:
    """Returns where an expert in training stands, of the run of that mark."""
    return self.path / f'.expert-{number:05}.{mark}'

  def add(self, number: int, draft: Path, sums: Sequence[int]) -> None:
    """Moves a finished expert to its place, and vouches for it."""
    size = draft.stat().st_size // (4 * self.snapshots)
    described = {'shape': [self.snapshots, size], 'crc32': list(sums)}
    path = self._file(number)
    os.replace(draft, path)
    write_atomically(path.with_suffix('.json'), json.dumps(described).encode())

  def _file(self, number: int) -> Path:
    return self.path / f'expert-{number:05}.f32'


def mark_of(folder: Path) -> str:
  """Returns the mark of a run's drafts, which is kept with its checkpoints.

  It is random: two containers may give their runs the same path.

  Args:
    folder: of the checkpoints, made if it is not there.
  """
  folder.mkdir(parents=True, exist_ok=True)
  path = folder / 'mark'
  if not path.exists():
    mark = uuid.uuid4().hex[:16]
    if any(folder.iterdir()):  # begun by an earlier version
      mark = f'{zlib.crc32(str(folder.absolute()).encode()):08x}'
    write_atomically(path, mark.encode())
  return path.read_text()


def write_row(path: Path, row: int, values: np.ndarray) -> int:
  """Writes a snapshot in its place in a file; returns its CRC-32.

  Args:
    path: the file, made if it is not there.
    row: the number of the snapshot.
    values: `f32[p]`.
  """
  data = np.ascontiguousarray(values, np.float32).tobytes()
  # An ordinary write: a full disk is an error there, and a signal in a map.
  with path.open('r+b' if path.exists() else 'w+b') as file:
    file.seek(row * len(data))
    file.write(data)
  return zlib.crc32(data)


def fault_of(path: Path, sums: Sequence[int], size: int) -> str | None:
  """Returns what is wrong with the first snapshots of a file; None if nothing.

  Before the first one, there need not be a file.

  Args:
    path: the file.
    sums: their CRC-32s.
    size: numbers in a snapshot.
  """
  if not len(sums):
    return None
  if not path.exists():
    return f'{path} is gone'
  length = path.stat().st_size
  with path.open('rb') as file:
    for row, expected in enumerate(sums):
      # Before it is read: what is said of it may be what is damaged.
      if (row + 1) * 4 * size > length:
        return f'snapshot {row} of {path} is torn'
      if zlib.crc32(file.read(4 * size)) != int(expected):
        return f'snapshot {row} of {path} is damaged'
  return None
