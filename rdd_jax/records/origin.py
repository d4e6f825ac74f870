"""By what a number was made: the commit, the machine, the day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
import functools
from importlib import metadata
from pathlib import Path
import platform
import shlex
import subprocess

import psutil


@functools.cache
def commit(root: Path | None = None) -> str:
  """Returns the commit of a checkout, with '+' where it was changed since.

  The first answer stays: a process runs the code that it started from.

  Args:
    root: of the checkout; None is that of this package.

  Returns:
    Seven digits; of an installed package, its version.
  """
  root = root or Path(__file__).parents[2]
  installed = f'version {metadata.version("rdd_jax")}'

  def git(*arguments: str) -> str:
    return subprocess.run(
      ['git', '-C', str(root), *arguments],
      capture_output=True,
      text=True,
      check=True,
    ).stdout.strip()

  try:
    if Path(git('rev-parse', '--show-toplevel')).resolve() != root.resolve():
      return installed
    changed = git('status', '--porcelain', '--untracked-files=no', 'rdd_jax')
    return git('rev-parse', '--short=7', 'HEAD') + ('+' if changed else '')
  except (OSError, subprocess.CalledProcessError):
    return installed


def machine() -> str:
  """Describes what computes: devices, cores that may be used, JAX.

  >>> 'jax' in machine()
  True
  """
  import jax

  devices = jax.devices()
  kind = devices[0].device_kind
  if devices[0].platform == 'cpu':
    try:
      cores = len(psutil.Process().cpu_affinity() or [])
    except AttributeError:  # no such thing on macOS
      cores = psutil.cpu_count() or 1
    many = 's' if cores > 1 else ''
    kind = f'{cores} CPU core{many} ({platform.machine()})'
  else:
    kind = f'{len(devices)} x {kind}'
  return f'{kind}, jax {jax.__version__}'


def today() -> str:
  """Returns the day in Greenwich, YYYY-MM-DD."""
  return datetime.now(UTC).strftime('%Y-%m-%d')


# Flags that say where files go, and not what is measured.
PLACES = ('workdir', 'record', 'out', 'report', 'csv', 'html', 'data_dir')


def command(module: str, arguments: Sequence[str]) -> str:
  """Returns the command that repeats what this process measures.

  Args:
    module: that is run by `python -m`.
    arguments: of it; flags that only say where files go are left out.

  >>> command('rdd_jax.main', ['--config=a.py', '--workdir', 'x', '--record=b'])
  'python -m rdd_jax.main --config=a.py'
  """
  kept, skip = [], False
  for argument in arguments:
    flag, equals, _ = argument.lstrip('-').partition('=')
    if skip:
      skip = False
    elif argument.startswith('-') and flag in PLACES:
      skip = not equals
    else:
      kept.append(argument)
  return ' '.join(['python -m', module, *map(shlex.quote, kept)])
