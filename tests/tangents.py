"""Times our NTK of real images beside that of `neural-tangents`.

python tests/tangents.py ENVIRONMENT/bin/python [--rows=1000] [--rounds=3]

It needs an older jax, so it runs in an environment of its own, with
`pip install neural-tangents==0.6.5 jax==0.5.3`. The sides take turns, on the
same cores and images. On a machine that others use, pin both to one core,
`taskset -c 0`, and read CPU seconds. Not a test of the suite.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
import statistics
import subprocess
import tempfile
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from rdd_jax import data, kernels
from rdd_jax.bench.kernels import TILE


def ask(worker: subprocess.Popen[str], question: object) -> dict[str, Any]:
  """Sends a line to the worker and returns its answer.

  Args:
    worker: see `tangents_worker`.
    question: anything that JSON can hold.
  """
  assert worker.stdin is not None
  assert worker.stdout is not None
  worker.stdin.write(json.dumps(question) + '\n')
  worker.stdin.flush()
  return json.loads(worker.stdout.readline())


def main() -> None:
  """Prints entries per second of both, by wall-clock and by CPU seconds."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('python', help='of the environment of neural-tangents')
  parser.add_argument('--dataset', default='tfds:cifar10')
  parser.add_argument('--rows', type=int, default=1000)
  parser.add_argument('--depth', type=int, default=3, help='convolutions')
  parser.add_argument('--rounds', type=int, default=3)
  parser.add_argument('--batch', type=int, default=20, help='tile of theirs')
  given = parser.parse_args()
  rows = given.rows
  images = data.load(given.dataset).train_images[: 2 * rows]
  if len(images) < 2 * rows:
    parser.error(f'{given.dataset} has {len(images)} images: 2 * rows is more')
  scaled = (images / np.float32(255) - np.float32(0.5)) / np.float32(0.25)
  kernel = kernels.blockwise(kernels.convolutional(given.depth), TILE['ntk'])
  ours = jax.jit(lambda a, b: kernel(a, b).ntk)
  first, second = jnp.asarray(scaled[:rows]), jnp.asarray(scaled[rows:])

  def run() -> dict[str, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    total = float(np.asarray(ours(first, second), np.float64).sum())
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {'wall': wall, 'cpu': cpu, 'total': total}

  with tempfile.TemporaryDirectory() as place:
    path = str(Path(place) / 'images.npy')
    np.save(path, scaled)
    script = Path(__file__).with_name('tangents_worker.py')
    command = [given.python, str(script)]
    with subprocess.Popen(
      command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as worker:
      sizes = {'rows': rows, 'depth': given.depth, 'batch': given.batch}
      print('jax', jax.__version__, ask(worker, {'images': path, **sizes}))
      # The first turn compiles.
      turns = [(run(), ask(worker, 0)) for _ in range(given.rounds + 1)]
  for unit in 'wall', 'cpu':
    for name, summary in ('median', statistics.median), ('fastest', min):
      us, them = (
        rows**2 / summary([side[unit] for side in sides])
        for sides in zip(*turns[1:], strict=True)
      )
      print(
        f'{name} {unit}: ours {us:.0f} entries/s, theirs {them:.0f}, '
        f'ratio {us / them:.2f}'
      )
  us, them = (side['total'] for side in turns[-1])
  print(f'sums of entries differ by {abs(us / them - 1):.1e}')


if __name__ == '__main__':
  main()
