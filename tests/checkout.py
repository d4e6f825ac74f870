"""Another commit beside this one, for scripts that compare the two."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
import subprocess
import tempfile

HERE = Path(__file__).resolve().parents[1]


@contextmanager
def checkout(revision: str) -> Iterator[Path]:
  """Yields the directory of a worktree of `revision`, which is then removed."""
  git = ('git', '-C', str(HERE), 'worktree')
  with tempfile.TemporaryDirectory() as scratch:
    there = Path(scratch) / 'there'
    subprocess.run(
      (*git, 'add', '--detach', '--quiet', str(there), revision), check=True
    )
    try:
      yield there
    finally:
      subprocess.run((*git, 'remove', '--force', str(there)), check=True)
