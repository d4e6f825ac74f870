"""Runs `neural-tangents` for `tangents`, in an environment of its own.

Reads a JSON line `{"images": PATH, "rows": N, "depth": D, "batch": B}`, writes
its versions, and then wall-clock and CPU seconds, and the kernel's sum, for
each further line. No module of ours is imported here.
"""

from __future__ import annotations

import importlib
import json
import sys
import time

import jax
import numpy as np


def main() -> None:
  """Serves until the input ends."""
  given = json.loads(sys.stdin.readline())
  nt = importlib.import_module('neural_tangents')
  stax = importlib.import_module('neural_tangents.stax')
  scales = {'W_std': 2**0.5, 'b_std': 0.1}
  block = (stax.Conv(1, (3, 3), padding='SAME', **scales), stax.Relu())
  head = (stax.Flatten(), stax.Dense(1, **scales))
  kernel = stax.serial(*given['depth'] * block, *head)[2]
  images = jax.numpy.asarray(np.load(given['images']))
  rows, columns = images[: given['rows']], images[given['rows'] :]
  tiled = nt.batch(lambda a, b: kernel(a, b, 'ntk'), given['batch'])
  say({'neural_tangents': nt.__version__, 'jax': jax.__version__})
  for _ in sys.stdin:
    wall, cpu = time.perf_counter(), time.process_time()
    total = float(np.asarray(tiled(rows, columns), np.float64).sum())
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    say({'wall': wall, 'cpu': cpu, 'total': total})


def say(answer: dict[str, str | float]) -> None:
  """Writes a line."""
  sys.stdout.write(json.dumps(answer) + '\n')
  sys.stdout.flush()


if __name__ == '__main__':
  main()
