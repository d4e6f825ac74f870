"""Checks what a file says of its size before memory is taken for it."""

from __future__ import annotations

from collections.abc import Iterable
import io
import math
from typing import IO, BinaryIO
import zipfile

import numpy as np

from rdd_jax.core.errors import UserError

# Deflate folds by no more than this, see zlib's "Maximum Compression Factor".
_MOST_FOLDED = 1032
_UNITS = ('bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB')
# What to type where images do not fit in memory.
STREAM = '--config.data.stream=True leaves them on disk'
_HEADERS = {
  (1, 0): np.lib.format.read_array_header_1_0,
  (2, 0): np.lib.format.read_array_header_2_0,
}


class TooLarge(UserError):
  """There is not enough memory."""


def require_memory(size: int, what: str) -> None:
  """Checks that so much memory is free.

  Args:
    size: bytes.
    what: takes them, for the error.

  Raises:
    TooLarge: if there is less.

  >>> require_memory(2**60, 'images of a.npz')  # doctest: +ELLIPSIS
  Traceback (most recent call last):
  rdd_jax.runtime.sizes.TooLarge: images of a.npz would take 1.0 EiB of \
memory, of which ... are free; if the file is not damaged, use a larger machine
  """
  import psutil

  free = psutil.virtual_memory().available
  if size > free:
    raise TooLarge(
      f'{what} would take {words(size)} of memory, of which {words(free)} '
      'are free; if the file is not damaged, use a larger machine'
    )


def require_arrays(
  file: BinaryIO, where: str, chosen: Iterable[str] | None = None
) -> None:
  """Checks the headers of an npy or npz file; moves back to its start.

  NumPy takes the memory that a header claims before it reads an entry.

  Args:
    file: its content.
    where: what errors call it.
    chosen: names of the arrays of an npz that are to be read; None is all.

  Raises:
    ValueError: for a header that claims more than the file holds, or that none
      of plain arrays has.
    UserError: if the arrays take more memory than is free.

  >>> file = io.BytesIO()
  >>> np.save(file, np.arange(3))
  >>> torn = io.BytesIO(file.getvalue()[:-1])
  >>> require_arrays(torn, 'a.npy')
  Traceback (most recent call last):
  ValueError: a header says int64[3], 24 bytes, and 23 bytes are there
  """
  file.seek(0)
  start = file.read(4)
  length = file.seek(0, io.SEEK_END)
  file.seek(0)
  if start[:2] == b'PK':
    with zipfile.ZipFile(file) as archive:
      total = sum(
        _claimed(archive.open(entry), _unfolded(entry))
        for entry in archive.infolist()
        if chosen is None or entry.filename.removesuffix('.npy') in chosen
      )
  else:
    total = _claimed(file, length)
  file.seek(0)
  require_memory(total, f'what {where} holds')


def _unfolded(entry: zipfile.ZipInfo) -> int:
  """The bytes that an entry says it unfolds to, if it can."""
  folds = {zipfile.ZIP_STORED: 1, zipfile.ZIP_DEFLATED: _MOST_FOLDED}
  if entry.file_size > folds.get(entry.compress_type, 0) * entry.compress_size:
    raise ValueError(
      f'{entry.filename} cannot unfold from {words(entry.compress_size)} to '
      f'{words(entry.file_size)}, as is said of it'
    )
  return entry.file_size


def _claimed(entry: IO[bytes], length: int) -> int:
  """The bytes of an npy of a length, by its header."""
  version = np.lib.format.read_magic(entry)  # type: ignore[arg-type]
  if version not in _HEADERS:
    raise ValueError(f'npy of version {version}, which no plain array has')
  shape, _, dtype = _HEADERS[version](entry)  # type: ignore[arg-type]
  if dtype.hasobject:  # which NumPy refuses, in its own words
    return 0
  size, there = math.prod(shape) * dtype.itemsize, length - entry.tell()
  if min(shape, default=0) < 0 or size > there:
    raise ValueError(
      f'a header says {dtype}{list(shape)}, {words(size)}, and '
      f'{words(there)} are there'
    )
  return size


def words(size: float) -> str:
  """Says a count of bytes, in the largest unit of which there is one.

  >>> words(1536), words(2**70), words(3)
  ('1.5 KiB', '1,024.0 EiB', '3 bytes')
  """
  place = 0
  while size >= 1024 and place < len(_UNITS) - 1:
    size, place = size / 1024, place + 1
  return f'{size:,.1f} {_UNITS[place]}' if place else f'{size:.0f} bytes'
