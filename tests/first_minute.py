"""Compares what a user waits for here and at another commit.

python tests/first_minute.py REVISION [--only=typo,import] [--rounds=3]

Each row is run here and in a checkout of REVISION, with the packages of this
environment, in turn and as often as --rounds says. Printed are medians of the
wall seconds, CPU seconds and peak MiB of the process, and their ratios, ours
to theirs; `again` is the quickstart in a new work directory, with the caches
that the first, `cold`, left; `programs` counts XLA's compilations of the
quickstart, those read from a cache included. `tad` is the quickest run on
Fashion-MNIST with and without TAD, whose difference is its preparation; it asks
for RDD_JAX_DATA_DIR. `--json=FILE` keeps all numbers. Not a test of the suite:
it takes minutes, and says little on a machine that others use.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
import statistics
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

from checkout import HERE, checkout

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


def run(root: Path, home: Path, *arguments: str) -> Cost:
  """Runs Python on `root`'s code, with caches below `home`."""
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
  _, _, used = os.wait4(process.pid, 0)
  wall = time.perf_counter() - began
  return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def measure(row: str, root: Path, scratch: Path) -> dict[str, float]:
  """Runs one row once; `scratch` is empty."""
  home, workdir = scratch / 'cache', f'--workdir={scratch / "run"}'
  if row == 'typo':
    return run(root, home, *QUICKSTART, '--config.stepz=3')._asdict()
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
    for defense in ('tad', 'none'):
      config = f'--config=configs/{SMALL},defense={defense}'
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
  parser.add_argument('--json', type=Path)
  given = parser.parse_args()
  rows = given.only.split(',')
  if set(rows) - set(ROWS):
    parser.error(f'--only={given.only}: give some of {",".join(ROWS)}')
  found: dict[str, dict[str, dict[str, list[float]]]] = {}
  with checkout(given.revision) as there:
    for row in rows:
      for _ in range(given.rounds):
        for side, root in (('theirs', there), ('ours', HERE)):
          with tempfile.TemporaryDirectory() as empty:
            costs = measure(row, root, Path(empty))
          for name, value in costs.items():
            by_side = found.setdefault(row, {}).setdefault(name, {})
            by_side.setdefault(side, []).append(value)
      for name, sides in found[row].items():
        ours, theirs = (statistics.median(sides[s]) for s in ('ours', 'theirs'))
        print(
          f'{row:10} {name:10} {theirs:9.2f} {ours:9.2f} {ours / theirs:6.2f}',
          flush=True,
        )
  if given.json:
    load = os.getloadavg()[0]
    given.json.write_text(json.dumps({'load': load, 'rows': found}, indent=1))
  return 0


if __name__ == '__main__':
  sys.exit(main())
