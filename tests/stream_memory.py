"""Weighs a streamed run on many rows beside one on a tenth of them.

`python tests/stream_memory.py` makes 64 x 64 images in a temporary directory,
trains a teacher on them, selects and judges (RDED), each in a process of its
own, and prints the most memory that it held.
"""

from __future__ import annotations

import os
from pathlib import Path
import subprocess
import sys
import tempfile

from absl import app, flags
import numpy as np
from PIL import Image

_ROWS = flags.DEFINE_integer('rows', 200_000, 'Of the larger set.')
_CLASSES = 10
_KINDS = 100  # images of a class that differ
_STREAM = flags.DEFINE_bool('stream', True, 'Or in memory, to compare.')


def make(root: Path, rows: int) -> None:
  """Writes so many images, of which some have the same content."""
  rng = np.random.default_rng(0)
  for label in range(_CLASSES):
    folders = [root / split / str(label) for split in ('train', 'test')]
    for folder in folders:
      folder.mkdir(parents=True)
    shade = np.full((64, 64, 3), 25 * label)
    for kind in range(_KINDS):
      pixels = (shade + rng.integers(0, 30, shade.shape)).astype(np.uint8)
      first = folders[0] / f'{kind}.jpg'
      Image.fromarray(pixels).save(first)
      for copy in range(1, rows // (_CLASSES * _KINDS)):
        os.link(first, folders[0] / f'{kind}-{copy}.jpg')
      if kind < 20:
        os.link(first, folders[1] / f'{kind}.jpg')


def peak(root: Path, out: Path) -> int:
  """Runs on a folder; returns the most MiB that the process held."""
  code = (
    'import sys, resource; from absl import app; import rdd_jax.main as m\n'
    'try: app.run(m.main)\n'
    'finally: print("PEAK", '
    'resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)'
  )
  config = f'configs/own.py:data=folder:{root},method=rded,ipc=1,seeds=1'
  done = subprocess.run(
    [
      *(sys.executable, '-c', code),
      f'--config={config},width=8,teacher_epochs=1,defense=none',
      f'--config.data.stream={_STREAM.value}',
      *('--config.experts.epoch_steps=50', '--config.evaluation.epochs=2'),
      *('--config.evaluation.seeds=1', '--config.whole.steps=0'),
      *('--config.selection.draws=100', '--config.outside.sets=()'),
      *("--config.baselines=('random',)", f'--workdir={out}'),
    ],
    capture_output=True,
    text=True,
    check=False,
  )
  lines = [x for x in done.stdout.splitlines() if x.startswith('PEAK')]
  if done.returncode or not lines:
    raise SystemExit(done.stderr[-2000:])
  return int(lines[0].split()[1])


def main(_: list[str]) -> None:
  """Prints both peaks and their ratio."""
  with tempfile.TemporaryDirectory() as path:
    found = []
    for rows in (_ROWS.value // 10, _ROWS.value):
      root = Path(path) / str(rows)
      make(root, rows)
      found.append(peak(root, Path(path) / f'run-{rows}'))
      print(f'{rows:,} rows: {found[-1]:,} MiB at the peak', flush=True)
    print(f'{found[1] / found[0]:.2f} times as much')


if __name__ == '__main__':
  app.run(main)
