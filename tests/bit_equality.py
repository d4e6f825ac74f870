"""Compares what is distilled here and at another commit, byte for byte.

python tests/bit_equality.py REVISION [--runs=dm,kip] [--jobs=2]

Runs the quickstart and one short run of each family, here and in a checkout of
REVISION, and prints the SHA-256 of each `distilled.npz`. Exits with 1 if one
differs. Not a test of the suite: it takes minutes.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ThreadPoolExecutor
import hashlib
import os
from pathlib import Path
import subprocess
import sys
import tempfile

from checkout import HERE, checkout

RUNS = {
  'quickstart': 'quickstart.py:smoke',
  'dm': 'dm_digits.py:smoke',
  'dsa': 'trustdd_digits.py:smoke,method=dsa,outliers=none',
  'mtt': 'trustdd_digits.py:smoke,method=mtt,outliers=none',
  'ratbptt': 'trustdd_digits.py:smoke,method=ratbptt,outliers=none',
  'kip': 'kip_digits.py:smoke',
  'frepo': 'frepo_digits.py:smoke',
  'tad': 'tad_digits.py:smoke',
  'trustdd': 'trustdd_digits.py:smoke',
  'groupdro': 'groupdro_digits.py:smoke,method=dsa,risk=cvar',
}
STEPS = 12
# What `defense=tad` was before noise was estimated is called so since.
FIXED, WHOSE = 'tad_fixed', ('quickstart', 'tad')


def arguments(root: Path, name: str) -> str:
  """Returns the run's config, of the same defense in every tree."""
  config = RUNS[name]
  options = root / 'rdd_jax' / 'config' / 'presets' / 'options.py'
  known = options.exists() and FIXED in options.read_text()
  return f'{config},defense={FIXED}' if known and name in WHOSE else config


def distill(root: Path, config: str, directory: Path) -> str:
  """Returns the digest of all that a run of `root`'s code distils."""
  command = (sys.executable, '-m', 'rdd_jax.main')
  flags = (f'--config=configs/{config}', f'--workdir={directory}')
  done = subprocess.run(
    (*command, *flags, f'--config.steps={STEPS}'),
    cwd=root,
    env={**os.environ, 'PYTHONPATH': str(root)},
    capture_output=True,
    text=True,
  )
  if done.returncode:
    return f'failed: {done.stderr.strip().splitlines()[-1:]}'
  # Sorted by content: a variant may have another name there.
  found = [p.read_bytes() for p in directory.rglob('distilled.npz')]
  digest = hashlib.sha256(b''.join(sorted(found)))
  return digest.hexdigest()


def main() -> int:
  """Prints a line for each run."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('revision')
  parser.add_argument('--runs', default=','.join(RUNS))
  parser.add_argument('--jobs', type=int, default=1)
  given = parser.parse_args()
  names = given.runs.split(',')
  with (
    checkout(given.revision) as there,
    tempfile.TemporaryDirectory() as scratch,
    ThreadPoolExecutor(given.jobs) as pool,
  ):
    before, after = (
      pool.map(
        lambda name, root=root, side=side: distill(
          root, arguments(root, name), Path(scratch) / side / name
        ),
        names,
      )
      for root, side in ((there, 'before'), (HERE, 'after'))
    )
    pairs = list(zip(names, before, after, strict=True))
  for name, old, new in pairs:
    same = 'equal' if old == new and 'failed' not in old else 'DIFFERENT'
    print(f'{name:12} {old[:64]}  {new[:64]}  {same}')
  return int(any('failed' in old or old != new for _, old, new in pairs))


if __name__ == '__main__':
  sys.exit(main())
