"""Atomic writes, and whether a place can be written to at all."""

from __future__ import annotations

from contextlib import suppress
import errno
import hashlib
import os
from pathlib import Path
import uuid

from rdd_jax.core.errors import UserError

UNREAD = 'allow reading there'


def advice(error: OSError) -> str:
  """Returns what to do about a file that could not be written, or read.

  >>> [advice(OSError(n, '')) for n in (errno.ENOSPC, errno.EROFS, errno.EIO)]
  ['free some space', 'allow writing there', 'check the disk']
  """
  if error.errno in (errno.ENOSPC, errno.EDQUOT):
    return 'free some space'
  if error.errno == errno.EIO:
    return 'check the disk'
  name = error.filename if isinstance(error.filename, str) else ''
  return 'allow writing there' if _readable(Path(name)) else UNREAD


def _readable(path: Path) -> bool:
  """Whether a path, or what there is above one that is not there, may be read.

  A directory in which nothing may be looked up hides what is in it.
  """
  there = next(
    p for p in (path.absolute(), *path.absolute().parents) if os.path.exists(p)
  )
  return os.access(there, os.R_OK | (os.X_OK if there.is_dir() else 0))


def write_atomically(path: Path, data: bytes) -> None:
  """Writes a file whole: no reader ever sees a part of it.

  Of several writers, on whatever hosts, the last one's file stays.

  Args:
    path: of the file; what is there is replaced. Its directory must exist.
    data: what the file is to hold.
  """
  # No process number: two containers on one file system may share it.
  unfinished = path.with_name(f'.{path.name}.{uuid.uuid4().hex}')
  try:
    unfinished.write_bytes(data)
    os.replace(unfinished, path)
  except OSError as error:
    if error.errno is None:
      raise
    raise OSError(error.errno, error.strerror, str(path)) from error
  finally:
    with suppress(OSError):  # where nothing is to be written
      unfinished.unlink()


def write_summed(path: Path, data: bytes) -> None:
  """Writes a file whole, and then its SHA-256 beside it, for `read_summed`.

  Args:
    path: of the file; what is there is replaced. Its directory must exist.
    data: what the file is to hold.
  """
  beside = sum_of(path)
  beside.unlink(missing_ok=True)
  write_atomically(path, data)
  write_atomically(beside, hashlib.sha256(data).hexdigest().encode())


def read_summed(path: Path) -> bytes | None:
  """Reads a file; None if it is not what was written, or not there.

  Without a sum beside it, of earlier versions, it is taken as it is.

  >>> import tempfile
  >>> with tempfile.TemporaryDirectory() as place:
  ...   path = Path(place) / 'a.json'
  ...   write_summed(path, b'[1]')
  ...   whole = read_summed(path)
  ...   _ = path.write_bytes(b'[2]')
  ...   whole, read_summed(path)
  (b'[1]', None)
  """
  try:
    data = path.read_bytes()
  except FileNotFoundError:
    return None
  with suppress(FileNotFoundError):
    told = sum_of(path).read_bytes()
    if told != hashlib.sha256(data).hexdigest().encode():
      return None
  return data


def sum_of(path: Path) -> Path:
  """Returns where the SHA-256 of a file stands, by `write_summed`."""
  return path.with_name(f'.{path.name}.sha256')


def require_place(path: Path, flag: str, *, directory: bool = False) -> None:
  """Checks, before what takes long, that a file can be written; makes nothing.

  Args:
    path: of the file; its directories may be missing.
    flag: that names it, for errors.
    directory: it is a directory itself.

  Raises:
    UserError: if something else is there, or its place cannot be written to.

  >>> require_place(Path('/dev/null/table.json'), 'out')
  Traceback (most recent call last):
  rdd_jax.core.errors.UserError: --out=/dev/null/table.json: /dev/null is no \
directory; give another place
  """
  what = f'--{flag}={path}'
  if path.is_dir() and not directory:
    raise UserError(f'{what} is a directory; give a file in it')
  there = [p for p in (path, *path.absolute().parents) if p.exists()]
  above = there[0] if directory or not path.exists() else path.parent
  if not above.is_dir():
    raise UserError(f'{what}: {above} is no directory; give another place')
  if not os.access(above, os.W_OK | os.X_OK):
    raise UserError(f'{what}: {above} cannot be written to; allow it')


def write_out(path: Path, text: str) -> None:
  """Writes a file that the user named, and its directories.

  Args:
    path: of the file.
    text: what it is to hold.
  """
  path.absolute().parent.mkdir(parents=True, exist_ok=True)
  write_atomically(path, text.encode())
