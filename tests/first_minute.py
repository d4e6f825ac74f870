"""Compares what a user waits for here and at another commit.

python tests/first_minute.py REVISION [--only=typo,import] [--rounds=3]

Each row is run here and in a checkout of REVISION, with the packages of this
environment, in turn and as often as --rounds says. Printed are medians of the
wall seconds, CPU seconds and peak MiB of the process, and their ratios, ours
to theirs; `again` is the quickstart in a new work directory, with the caches
that the first, `cold`, left; `programs` counts XLA's compilations of the
quickstart, those read from a cache included. `tad` is the quickest run on
Fashion-MNIST with and without TAD, whose difference is its preparation; it asks
for RDD_JAX_DATA_DIR. `--record=NAME` writes docs/results/data/NAME.json. Not a
test of the suite: it takes minutes, and says little on a machine that others
use.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
import statistics
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

from checkout import HERE, checkout
from measured import keep

from rdd_jax.records import Row

MAIN = ('-m', 'rdd_jax.main')
QUICKSTART = (*MAIN, '--config=configs/quickstart.py')
SMALL = 'tad_fashion_mnist.py:ipc=1,width=32,seeds=1,steps=10'
COUNT = """
import atexit, pathlib, runpy, sys, jax
seen = []
jax.monitoring.register_event_duration_secs_listener(
  lambda event, seconds, **_: seen.append(event))
atexit.register(lambda: pathlib.Path('{where}').write_text(str(sum(
  event.endswith('backend_compile_duration') for event in seen))))
sys.argv = ['main', *sys.argv[1:]]
runpy.run_module('rdd_jax.main', run_name='__main__', alter_sys=True)
"""
ROWS = ('typo', 'import', 'quickstart', 'programs', 'tad', 'suite')


class Cost(NamedTuple):
  """Wall and CPU seconds of a process and its children, its peak MiB."""

  wall: float
  cpu: float
  peak: float


def run(root: Path, home: Path, *arguments: str, fails: bool = False) -> Cost:
  """Runs Python on `root`'s code, with caches below `home`.

  Raises:
    RuntimeError: if it ends otherwise than it should.
  """
  environment = {
    **os.environ,
    'PYTHONPATH': str(root),
    'XDG_CACHE_HOME': str(home),
    'JAX_PLATFORMS': 'cpu',
  }
  began = time.perf_counter()
  process = subprocess.Popen(
    (sys.executable, *arguments),
    cwd=root,
    env=environment,
    stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL,
  )
  _, status, used = os.wait4(process.pid, 0)
  process.returncode = os.waitstatus_to_exitcode(status)
  if bool(process.returncode) != fails:
    raise RuntimeError(f'{root}: {arguments} ended with {process.returncode}')
  wall = time.perf_counter() - began
  return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def measure(row: str, root: Path, scratch: Path) -> dict[str, float]:
  """Runs one row once; `scratch` is empty."""
  home, workdir = scratch / 'cache', f'--workdir={scratch / "run"}'
  if row == 'typo':
    return run(
      root, home, *QUICKSTART, '--config.stepz=3', fails=True
    )._asdict()
  if row == 'import':
    jax = run(root, home, '-c', 'import jax')
    both = run(root, home, '-c', 'import jax, rdd_jax')
    return {'wall': both.wall / jax.wall, 'cpu': both.cpu / jax.cpu}
  if row == 'quickstart':
    cold = run(root, home, *QUICKSTART, workdir)._asdict()
    other = f'--workdir={scratch / "other" / "run"}'
    again = run(root, home, *QUICKSTART, other)._asdict()
    return {
      **{f'cold {name}': value for name, value in cold.items()},
      **{f'again {name}': value for name, value in again.items()},
    }
  if row == 'programs':
    where = scratch / 'count'
    code = COUNT.format(where=where)
    run(root, home, '-c', code, QUICKSTART[-1], workdir)
    return {'programs': float(where.read_text())}
  if row == 'tad':
    found = []
    config = (root / 'configs/tad_fashion_mnist.py').read_text()
    argument = 'defence' if 'defence' in config else 'defense'
    for defense in ('tad', 'none'):
      config = f'--config=configs/{SMALL},{argument}={defense}'
      flags = ('--config.whole.steps=0', '--config.baselines=()')
      place = f'--workdir={scratch / defense / "run"}'
      found.append(run(root, home, *MAIN, config, *flags, place))
    return {'wall': found[0].wall - found[1].wall, 'peak': found[0].peak}
  return run(root, home, '-m', 'pytest')._asdict()


def main() -> int:
  """Prints a table, and writes it where asked."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('revision')
  parser.add_argument('--only', default='typo,import,quickstart,programs')
  parser.add_argument('--rounds', type=int, default=3)
  parser.add_argument('--record', default='')
  given = parser.parse_args()
  rows = given.only.split(',')
  if set(rows) - set(ROWS):
    parser.error(f'--only={given.only}: give some of {",".join(ROWS)}')
  lines = []
  with checkout(given.revision) as there:
    for row in rows:
      found: dict[str, dict[str, list[float]]] = {}
      for _ in range(given.rounds):
        for side, root in (('theirs', there), ('ours', HERE)):
          with tempfile.TemporaryDirectory() as empty:
            costs = measure(row, root, Path(empty))
          for name, value in costs.items():
            by_side = found.setdefault(name, {})
            by_side.setdefault(side, []).append(value)
      for name, sides in found.items():
        lines.append(line(f'{row} {name}', sides, given.revision))
        print(*(f'{cell:>14}' for cell in shown(lines[-1])), flush=True)
  keep(
    given.record,
    lines,
    rounds=given.rounds,
    of='round(s) in turn',
    arguments=f'first_minute.py {given.revision} --only={given.only} '
    f'--rounds={given.rounds}',
    unit='seconds, and MiB of peaks',
  )
  return 0


def line(name: str, sides: dict[str, list[float]], revision: str) -> Row:
  """Medians of both sides, their ratio, and the ratios of the rounds."""
  ours, theirs = (statistics.median(sides[s]) for s in ('ours', 'theirs'))
  each = [a / b for a, b in zip(sides['ours'], sides['theirs'], strict=True)]
  return Row(
    name,
    {
      revision: {'mean': theirs, 'digits': 2},
      'now': {'mean': ours, 'digits': 2},
      'ratio': {'mean': ours / theirs, 'digits': 2},
      'of the rounds': f'{min(each):.2f} to {max(each):.2f}',
    },
  )


def shown(row: Row) -> list[str]:
  cells = row.cells.values()
  return [row.name] + [
    c if isinstance(c, str) else f'{c["mean"]:.2f}' for c in cells
  ]


if __name__ == '__main__':
  sys.exit(main())
