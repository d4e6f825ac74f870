"""Lets one command at a time write to a directory.

By a lock of the operating system, `flock`, that ends with its process, however
that ends. It holds between machines where the file system passes it on: NFS
does by default (version 4; version 3 with lockd), but not where it is mounted
with `nolock` or `local_lock=flock`, nor does Lustre without `flock`. There two
commands on one machine are kept apart at most, and some file systems refuse
locks: then a file is the lock, which `filelock` takes for left behind once its
process is gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
import json
import os
from pathlib import Path
import socket

import filelock

from rdd_jax.core.errors import UserError
from rdd_jax.runtime.files import write_atomically

LOCK, OWNER = '.lock', '.owner.json'  # the second says whose the first is
FILES = (LOCK, OWNER)


@contextmanager
def owned(directory: Path, flag: str) -> Iterator[None]:
  """Owns a directory, which is made; where it cannot be written to, does not.

  Args:
    directory: its path.
    flag: by which another one may be given, such as 'workdir'.

  Raises:
    UserError: if it is another command's; it names process and host. Or if
      the lock of a directory that can be written to is another user's.

  >>> import tempfile
  >>> place = Path(tempfile.mkdtemp())
  >>> with owned(place, 'out'), owned(place, 'out'):
  ...   pass
  Traceback (most recent call last):
  rdd_jax.core.errors.UserError: ... is in use by process ... on ...
  """
  with ExitStack() as held:
    try:
      directory.mkdir(parents=True, exist_ok=True)
      lock = filelock.FileLock(
        directory / LOCK,
        mode=0o666,  # whoever shares the directory takes it
        is_singleton=False,
      )
      held.enter_context(lock.acquire(blocking=False))
      mine = {'process': os.getpid(), 'host': socket.gethostname()}
      write_atomically(directory / OWNER, json.dumps(mine).encode())
      held.callback(_forget, directory)  # before the lock is released
    except filelock.Timeout as error:
      raise UserError(
        f'{directory} is in use by {_owner(directory)}: wait until that ends, '
        f'stop it, or choose another --{flag}'
      ) from error
    except PermissionError as error:
      if os.access(directory, os.W_OK | os.X_OK):
        raise UserError(
          f"{error.filename} is another user's, and by it one knows whether "
          f'{directory} is in use: have its owner allow you to write to it, or '
          f'choose another --{flag}'
        ) from error  # elsewhere, whoever writes there says so
    except OSError:  # Likewise.
      pass
    yield


def _forget(directory: Path) -> None:
  with suppress(OSError):
    (directory / OWNER).unlink()


def _owner(directory: Path) -> str:
  try:
    found = json.loads((directory / OWNER).read_text())
    return f'process {found["process"]} on {found["host"]}'
  except (OSError, ValueError, KeyError, TypeError):
    return 'another process'
