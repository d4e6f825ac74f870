"""What processes do with rows: look at them once, and read them again.

A JPEG file that holds the pixels of its row as they are is read again in fewer
steps: its size is known, and nothing in it asks for more than its pixels.
"""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple
import zlib

import numpy as np

from rdd_jax.runtime import decode
from rdd_jax.runtime.pixels import Place, Read, encoded, read_one
from rdd_jax.runtime.shared import Part
from rdd_jax.runtime.sources import Source

Form = tuple[tuple[int, int] | None, int | None]  # size and channels

_JPEG = b'\xff\xd8\xff'


class Looked(NamedTuple):
  """What rows are like, without their pixels.

  Attributes:
    shapes: `i32[n, 3]`, zeros where a row cannot be read.
    sums: `u32[n]`, CRC-32 of the pixels.
    files: `u32[n]`, CRC-32 of a JPEG file that holds these pixels as they are;
      0 of any other.
    notes: of each row, see `pixels.Read`.
  """

  shapes: np.ndarray
  sums: np.ndarray
  files: np.ndarray
  notes: list[tuple[str, ...]]


class Rows(NamedTuple):
  """Rows of one shape.

  Attributes:
    images: `u8[n, H, W, C]`; None if they are in shared memory.
    sums: `u32[n]`, CRC-32 of the pixels.
  """

  images: np.ndarray | None
  sums: np.ndarray


class Unread(NamedTuple):
  """A row that cannot be read as it was before, and why."""

  row: int
  reason: str


def look(source: Source, form: Form) -> Looked:
  """Reads all rows of a source, and returns all but the pixels.

  Args:
    source: of n rows.
    form: in which they are read.
  """
  n = len(source)
  found = Looked(
    np.zeros((n, 3), np.int32),
    np.zeros(n, np.uint32),
    np.zeros(n, np.uint32),
    [()] * n,
  )
  for i, place in enumerate(source.places()):
    try:
      file = encoded(place)
      image, found.notes[i] = decode.decode(file)
    except decode.Undecodable as error:
      found.notes[i] = (str(error),)
      continue
    row = decode.fitted(image, *form)
    found.shapes[i], found.sums[i] = row.shape, _sum(row)
    as_it_is = (image.height, image.width, len(image.getbands()))
    if file.startswith(_JPEG) and not found.notes[i] and row.shape == as_it_is:
      found.files[i] = zlib.crc32(file)
  return found


def fetch(
  source: Source,
  form: Form,
  shape: tuple[int, int, int],
  files: np.ndarray,
  part: Part | None = None,
) -> Rows | Unread:
  """Reads all rows of a source, which have one shape, or says which has not.

  Args:
    source: of n rows.
    form: in which they were looked at.
    shape: `(H, W, C)` of each.
    files: `u32[n]`, see `Looked`.
    part: of shared memory, where they are to be; they are returned where there
      is none, or it cannot be opened.
  """
  n = len(source)
  into = part and part.open(shape)
  images = np.empty((n, *shape), np.uint8) if into is None else into
  sums = np.empty(n, np.uint32)
  places = zip(source.places(), files.tolist(), strict=True)
  for i, (place, file) in enumerate(places):
    row, notes = _again(place, form, shape, file)
    if row is None:
      return Unread(i, notes[0])
    if row.shape != shape:
      return Unread(i, f'{list(row.shape)} in the place of {list(shape)}')
    images[i], sums[i] = row, _sum(row)
  return Rows(images if into is None else None, sums)


def _again(
  place: Place, form: Form, shape: tuple[int, int, int], known: int
) -> Read:
  """Reads a row that has been read before."""
  try:
    file = encoded(place)
  except decode.Undecodable as error:
    return Read(None, (str(error),))
  if known and zlib.crc32(file) == known:
    # A truncated file, of which Pillow may be told to read what there is.
    with suppress(ValueError):
      return Read(_jpeg(file, shape), ())
  return read_one(lambda: file, *form)


def _jpeg(file: bytes, shape: tuple[int, int, int]) -> np.ndarray:
  """Decodes a file of this shape, which Pillow believes unseen."""
  from PIL import Image

  height, width, channels = shape
  mode = 'L' if channels == 1 else 'RGB'
  image = Image.frombytes(mode, (width, height), file, 'jpeg', mode, '')
  return np.frombuffer(image.tobytes(), np.uint8).reshape(shape)


def _sum(row: np.ndarray) -> int:
  return zlib.crc32(np.ascontiguousarray(row).data)
