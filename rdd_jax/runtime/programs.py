"""Keeps compiled programs, so that the next run need not compile them.

By JAX's persistent compilation cache, in the user's cache directory. Its key
has the program, its options and the version of jaxlib. Programs for a CPU are
machine code for one kind of it, and a home directory may be shared by several:
each kind, and each version of JAX, has a directory of its own.
"""

from __future__ import annotations

import atexit
from collections.abc import Iterable
import hashlib
import os
from pathlib import Path
import platform
import re
import shutil
import sys
import tempfile
from typing import Any
import warnings

from absl import flags

from rdd_jax.core.errors import UserError

SIZE = 2**30  # bytes of all programs together, above which the oldest go
SECONDS = 0.0  # a program that compiles in fewer is not kept
_MINIMUM = 'jax_persistent_cache_min_compile_time_secs'
_FAILED = re.compile(
  r"Error (reading|writing) persistent compilation cache entry for '(.+?)': "
  r'(.*)',
  re.DOTALL,
)

CACHE = flags.DEFINE_string(
  'compilation_cache',
  '',
  "Where compiled programs are kept for the next run, or 'off'; by default "
  '$JAX_COMPILATION_CACHE_DIR, or rdd_jax/ in the user cache directory.',
)


def keep() -> None:
  """Keeps compiled programs from here on, where the flag says.

  By default not where several processes compile together, for all of them would
  have to find the same. Where the default directory cannot be written to, that
  is said, and this process alone keeps them.

  Raises:
    UserError: if the directory that the flag names cannot be written to.
  """
  import jax
  from jaxlib import version

  if CACHE.value == 'off':
    jax.config.update('jax_enable_compilation_cache', False)
    return
  elsewhere = jax.config.values['jax_compilation_cache_dir']
  off = not jax.config.values['jax_enable_compilation_cache']
  several = jax.distributed.is_initialized()
  if off or (not CACHE.value and (elsewhere or several)):
    return
  try:
    root = Path(CACHE.value or default()).expanduser().absolute()
    place = root / _kind(jax.__version__, version.__version__, _processor())
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not os.access(place, os.W_OK | os.X_OK):
      raise PermissionError(f'{place} cannot be written to')
    trim(root.glob('jax-*/*-cache'), SIZE)
  except (OSError, RuntimeError) as error:  # the last where there is no home
    if CACHE.value:
      raise UserError(
        f'--compilation_cache={CACHE.value}: {error}; give a directory that '
        "can be written to, or 'off'"
      ) from error
    _say(str(error))
    place = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, place, ignore_errors=True)
  jax.config.update('jax_compilation_cache_dir', str(place))
  if _MINIMUM.upper() not in os.environ:
    jax.config.update(_MINIMUM, SECONDS)
  warnings.showwarning = _Repair(place, warnings.showwarning)


def default() -> Path:
  """Returns the directory for programs in the user's cache directory."""
  cache = os.environ.get('XDG_CACHE_HOME') or '~/.cache'
  return Path(cache) / 'rdd_jax' / 'programs'


def trim(entries: Iterable[Path], size: int) -> None:
  """Removes the files that were not used for longest, down to half a size.

  Args:
    entries: the files; one that another process removes does not count.
    size: bytes, up to which all stay.
  """
  found: list[tuple[float, int, Path]] = []
  for path in entries:
    try:
      stat = path.stat()
    except FileNotFoundError:
      continue
    found.append((stat.st_atime, stat.st_size, path))
  total = sum(length for _, length, _ in found)
  if total <= size:
    return
  for _, length, path in sorted(found):
    if total <= size / 2:
      return
    path.unlink(missing_ok=True)
    total -= length


class _Repair:
  """Shows warnings; of the cache, says the first, and removes what it is of."""

  def __init__(self, place: Path, show: Any):
    self._place, self._show, self._said = place, show, False

  def __call__(self, message: Any, *args: Any, **options: Any) -> None:
    found = _FAILED.match(str(message))
    if found is None:
      return self._show(message, *args, **options)
    # Half a program stays for ever: JAX does not write over it.
    for path in self._place.glob(f'{found[2]}-*-cache'):
      path.unlink(missing_ok=True)
    if not self._said:
      self._said = True
      _say(f'{found[1]} {found[2]} in {self._place} failed ({found[3]})')
    return None


def _say(why: str) -> None:
  why = ' '.join(why.split())
  print(
    f'note: {why}: some programs are compiled anew; --compilation_cache=DIR '
    'keeps them elsewhere',
    file=sys.stderr,
  )


def _kind(*about: str) -> str:
  digest = hashlib.sha256('\n'.join(about).encode()).hexdigest()[:16]
  return f'jax-{about[0]}-{digest}'


def _processor() -> str:
  """Describes the processor, as Linux does where it is one."""
  about = [platform.machine(), platform.processor()]
  try:
    first = Path('/proc/cpuinfo').read_text().partition('\n\n')[0]
  except OSError:
    first = ''
  known = 'vendor_id|cpu family|model|model name|stepping|flags|Features|CPU .*'
  about += re.findall(rf'^(?:{known})\s*:.*$', first, re.MULTILINE)
  return '\n'.join(about)
