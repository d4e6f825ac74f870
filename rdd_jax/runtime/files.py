"""Atomic writes: files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path


def advice(error: OSError) -> str:
  """Returns what to do about a file that could not be written.

  >>> advice(OSError(errno.ENOSPC, 'full')), advice(OSError(errno.EROFS, ''))
  ('free some space', 'allow writing there')
  """
  if error.errno in (errno.ENOSPC, errno.EDQUOT):
    return 'free some space'
  return 'allow writing there'


def write_atomically(path: Path, data: bytes) -> None:
  """Writes a file whole: no reader ever sees a part of it.

  Args:
    path: of the file; what is there is replaced. Its directory must exist.
    data: what the file is to hold.
  """
  unfinished = path.with_name(f'.{path.name}.{os.getpid()}')
  try:
    unfinished.write_bytes(data)
    os.replace(unfinished, path)
  finally:
    unfinished.unlink(missing_ok=True)
