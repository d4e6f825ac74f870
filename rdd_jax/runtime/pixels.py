"""Reads image files to arrays; where they are many, in several processes.

What is imported here is imported by each of them: not JAX, which takes longer
than a thousand files.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
import os
import signal
import stat
from threading import Thread
import time
from typing import NamedTuple

import numpy as np

from rdd_jax.runtime import decode

Place = os.PathLike[str] | str | Callable[[], bytes]

MANY = 8000  # files, for which processes are started
_PROCESSES = 8  # at most; one copies the rows of so many
_CHUNK = 256  # files that a process reads at once, at most
_BYTES = 2**20  # of these files, at most, but for a single one


class Read(NamedTuple):
  """What became of an image file.

  Attributes:
    row: u8[H, W, C], or None.
    notes: what was done to it, or why there is no row; each follows a count.
  """

  row: np.ndarray | None
  notes: tuple[str, ...]


def read(
  places: Sequence[Place], size: tuple[int, int] | None, channels: int | None
) -> Iterator[Read]:
  """Reads images in order.

  Args:
    places: paths of files, or what returns their bytes.
    size: (H, W), see `decode.fitted`.
    channels: see `decode.fitted`.

  >>> next(read(['/no/such/file.png'], None, None))
  Read(row=None, notes=('missing',))
  """
  done = 0
  paths = [place for place in places if not callable(place)]
  cores = most_workers()
  if len(paths) == len(places) >= MANY and cores > 1:
    for found in _read_apart(paths, size, channels, cores):
      done += len(found)
      yield from found
  for place in islice(places, done, None):
    yield read_one(place, size, channels)


def most_workers() -> int:
  """Returns how many processes read at once: one a core, at most 8."""
  import joblib

  return min(joblib.cpu_count(), _PROCESSES)


def read_one(
  place: Place, size: tuple[int, int] | None, channels: int | None
) -> Read:
  """Reads one image; see `read`."""
  try:
    image, changes = decode.decode(encoded(place))
  except decode.Undecodable as error:
    return Read(None, (str(error),))
  return Read(decode.fitted(image, size, channels), changes)


def _read_apart(
  paths: Sequence[os.PathLike[str] | str],
  size: tuple[int, int] | None,
  channels: int | None,
  processes: int,
) -> Iterator[list[Read]]:
  """Reads images in other processes; ends early where these cannot go on."""
  from joblib.externals.loky import ProcessPoolExecutor
  from PIL import Image, ImageFile

  chunks = _chunks(paths)
  pool, ahead = None, deque()
  limits = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES
  first = partial(begin, os.getpid(), *limits)
  try:
    while True:
      try:
        pool = pool or ProcessPoolExecutor(processes, initializer=first)
        for chunk in islice(chunks, 2 * processes - len(ahead)):
          ahead.append(pool.submit(_read_chunk, chunk, size, channels))
        if not ahead:
          return
        rows, notes = ahead.popleft().result()
      except Exception:  # such as one that was killed, or no leave to start any
        return
      yield list(map(Read, rows, notes))
  finally:
    if pool is not None:
      pool.shutdown(kill_workers=True)


def begin(starter: int, pixels: int | None, truncated: bool) -> None:
  """Begins a process that reads; Ctrl-C is for the one that started it.

  Args:
    starter: the number of the process that started it, with which it ends.
    pixels: Pillow's limit of pixels there,
    truncated: and whether truncated images are read there.
  """
  from PIL import Image, ImageFile

  signal.signal(signal.SIGINT, signal.SIG_IGN)
  Thread(target=_end_after, args=(starter,), daemon=True).start()
  Image.MAX_IMAGE_PIXELS = pixels
  ImageFile.LOAD_TRUNCATED_IMAGES = truncated


def _end_after(starter: int) -> None:
  """Ends this process within a second of the one that started it."""
  while os.getppid() == starter:
    time.sleep(1)
  os._exit(1)


def _read_chunk(
  paths: Sequence[os.PathLike[str] | str],
  size: tuple[int, int] | None,
  channels: int | None,
) -> tuple[Iterable[np.ndarray | None], list[tuple[str, ...]]]:
  """Returns rows, in one array if they may be, which is sent in less time."""
  found = [read_one(path, size, channels) for path in paths]
  notes = [notes for _, notes in found]
  rows = [row for row, _ in found if row is not None]
  if len(rows) == len(found) and len({row.shape for row in rows}) == 1:
    return np.stack(rows), notes
  return [row for row, _ in found], notes


def _chunks(
  paths: Sequence[os.PathLike[str] | str],
) -> Iterator[list[os.PathLike[str] | str]]:
  """Cuts so that neither photographs fill the memory nor words the pipes."""
  chunk, held = [], 0
  for path in paths:
    try:
      count = os.stat(path).st_size
    except OSError:  # which reading it says
      count = 0
    if chunk and (len(chunk) == _CHUNK or held + count > _BYTES):
      yield chunk
      chunk, held = [], 0
    chunk.append(path)
    held += count
  if chunk:
    yield chunk


def encoded(place: Place) -> bytes:
  """Reads a regular file; others, such as pipes, might not end.

  Args:
    place: see `read`.

  Raises:
    decode.Undecodable: if it cannot be read.
  """
  if callable(place):
    return place()
  try:
    # Looking at it before it is opened takes as long as opening it.
    number = os.open(place, os.O_RDONLY | os.O_NONBLOCK)  # waits for no pipe
    try:
      if not stat.S_ISREG(os.fstat(number).st_mode):
        raise decode.Undecodable('not regular files')
      with open(number, 'rb', buffering=0, closefd=False) as file:
        return file.read()
    finally:
      os.close(number)
  except OSError as error:
    raise decode.Undecodable(_unread(place, error)) from error


def _unread(path: os.PathLike[str] | str, error: OSError) -> str:
  if os.path.islink(path) and not os.path.exists(path):
    return 'links to nothing'
  if isinstance(error, FileNotFoundError):
    return 'missing'
  regular = os.path.isfile(path) or not os.path.exists(path)
  return 'not readable' if regular else 'not regular files'
