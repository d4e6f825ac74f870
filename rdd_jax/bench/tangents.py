"""Times our NTK beside `neural-tangents`: `python -m rdd_jax.bench.tangents`.

It needs an older jax, so its interpreter is given by `--python`: that of an
environment with `pip install neural-tangents==0.6.5 jax==0.5.3`. The sides take
turns, on the same cores and images. On a machine that others use, pin both to
one core, `taskset -c 0`, and read CPU seconds.
"""

from __future__ import annotations

import json
from pathlib import Path
import statistics
import subprocess
import tempfile
import time
from typing import Any

from absl import flags
import jax
import jax.numpy as jnp
import numpy as np

from rdd_jax import data, kernels
from rdd_jax.bench.kernels import TILE
from rdd_jax.core.errors import UserError
from rdd_jax.runtime import cli

_PYTHON = flags.DEFINE_string('python', None, 'Where neural-tangents runs.')
_DATA = flags.DEFINE_string(
  'dataset', 'tfds:cifar10', 'Whose images are compared.'
)
_ROWS = flags.DEFINE_integer('rows', 1000, 'Rows, and columns.', lower_bound=1)
_DEPTH = flags.DEFINE_integer('depth', 3, 'Convolutions.', lower_bound=1)
_ROUNDS = flags.DEFINE_integer('rounds', 3, 'Turns.', lower_bound=1)
_BATCH = flags.DEFINE_integer(
  'batch', 20, 'Rows of a tile of theirs, which divide the rows.', lower_bound=1
)


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


def main(argv: list[str]) -> None:
  """Prints entries per second of both, by wall-clock and by CPU seconds."""
  cli.no_arguments(argv)
  if _PYTHON.value is None:
    raise UserError(
      'whose python runs neural-tangents? Give --python=ENVIRONMENT/bin/python'
    )
  rows = _ROWS.value
  images = data.load(_DATA.value).train_images[: 2 * rows]
  if len(images) < 2 * rows:
    raise UserError(
      f'--rows={rows} take {2 * rows} images, and {_DATA.value} has '
      f'{len(images)}: give at most --rows={len(images) // 2}'
    )
  scaled = (images / np.float32(255) - np.float32(0.5)) / np.float32(0.25)
  kernel = kernels.blockwise(kernels.convolutional(_DEPTH.value), TILE['ntk'])
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
    command = [_PYTHON.value, str(script)]
    with subprocess.Popen(
      command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as worker:
      sizes = {'rows': rows, 'depth': _DEPTH.value, 'batch': _BATCH.value}
      print('jax', jax.__version__, ask(worker, {'images': path, **sizes}))
      # The first turn compiles.
      turns = [(run(), ask(worker, 0)) for _ in range(_ROUNDS.value + 1)]
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
  cli.start(main)
