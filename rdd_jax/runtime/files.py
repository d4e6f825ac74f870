"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def write_atomically(path: Path, data: bytes) -> None:
  """Puts `data` at `path` whole: no reader ever sees a part of it."""
  unfinished = path.with_name(f'.{path.name}.{os.getpid()}')
  try:
    unfinished.write_bytes(data)
    os.replace(unfinished, path)
  finally:
    unfinished.unlink(missing_ok=True)
