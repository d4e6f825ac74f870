"""Measures a step of every objective at 10, 100 and 1,000 classes.

python tests/steps_by_classes.py [--only=dm,mtt] [--classes=10,100,1000]
  [--rows=32] [--rounds=3] [--record=NAME]

Rows of each class are equally many, real and synthetic, so that the arithmetic
of a step grows as the classes do. Printed are the median seconds of a call of
one step and the MiB that it holds beside the state and the training set, and
both as ratios to the fewest classes; time also to the number of rows. Mock
images of 32x32, width 16. Not a test of the suite, whose law of it stands in
`objectives/test_cells.py`.
"""

from __future__ import annotations

import argparse
import statistics
import time

import jax
import jax.numpy as jnp
from measured import keep
import numpy as np

from rdd_jax import networks
from rdd_jax.config.build import experiment as build_experiment
from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import registry
from rdd_jax.core.measure import empirical
from rdd_jax.data import mock
from rdd_jax.experiment.describe import count
from rdd_jax.experiment.program import make_call
from rdd_jax.objectives import Segment
from rdd_jax.records import Row

METHODS = ('dm', 'dc', 'dsa', 'idc', 'mtt', 'ratbptt', 'kip', 'frepo')


def configured(method: str, rows: int) -> Config:
  """The preset of a method for CIFAR-100, made small."""
  config = registry.preset(method, 'cifar100', ipc=1)('')
  with config.unlocked():
    config.real_rows = rows
    config.network.width = 16
    config.data.zca = 0.0
  return config


def measure(config: Config, classes: int, rounds: int) -> dict[str, float]:
  """Compiles a step and calls it; its seconds and MiB."""
  dataset = mock((32, 32, 3), num_classes=classes, n=40 * classes)
  experiment = build_experiment.build(
    config, dataset, build_experiment.preprocessing(config, dataset)
  )
  key, images = jax.random.key(0), jnp.asarray(dataset.train_images)
  found = empirical(dataset.train_labels, experiment.spec.num_outputs)
  params = experiment.initial(key, images, found)
  state = experiment.distiller.init(key, experiment.spec, params, found)
  feeds = None
  if experiment.feed:
    net = networks.init(experiment.net, key, dataset.image_shape)
    size = count(net['params'])
    drawn = jax.random.normal(key, (2, 1, size)) / 100
    feeds = Segment(drawn[0], drawn[0] + drawn[1] / 100)
  call = jax.jit(make_call(experiment, 1), donate_argnums=0)
  compiled = call.lower(state, images, feeds).compile()
  state = jax.device_put(state, may_alias=False)
  seconds = []
  for _ in range(rounds + 1):  # the first touches its memory
    began = time.perf_counter()
    state, metrics = jax.block_until_ready(compiled(state, images, feeds))
    seconds.append(time.perf_counter() - began)
  assert np.isfinite(metrics['loss']).all()
  memory = compiled.memory_analysis()
  return {
    'seconds': statistics.median(seconds[1:]),
    'MiB': memory.temp_size_in_bytes / 2**20,
  }


def main() -> None:
  """Prints the table."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--only', default=','.join(METHODS))
  parser.add_argument('--classes', default='10,100,1000')
  parser.add_argument('--rows', type=int, default=32)
  parser.add_argument('--rounds', type=int, default=3)
  parser.add_argument('--record', default='')
  options = parser.parse_args()
  counts = [int(classes) for classes in options.classes.split(',')]
  lines = []
  print(
    '| objective | classes | s | to the rows | MiB | ratio |\n' + '|---' * 6
  )
  for method in options.only.split(','):
    config = configured(method, options.rows)
    first: dict[str, float] = {}
    for classes in counts:
      one = measure(config, classes, options.rounds)
      first = first or one
      grown = one['seconds'] / first['seconds'] / (classes / counts[0])
      print(
        f'| {method} | {classes:,} | {one["seconds"]:.3f} | {grown:.2f} | '
        f'{one["MiB"]:,.0f} | {one["MiB"] / first["MiB"]:.2f} |',
        flush=True,
      )
      cells = {
        'seconds': one['seconds'],
        'to the rows': grown,
        'MiB': one['MiB'],
      }
      digits = {'seconds': 3, 'to the rows': 2, 'MiB': 0}
      lines.append(
        Row(
          f'{method}, {classes:,} classes',
          {k: {'mean': v, 'digits': digits[k]} for k, v in cells.items()},
        )
      )
  keep(
    options.record,
    lines,
    rounds=options.rounds,
    of='call(s)',
    arguments=f'steps_by_classes.py --only={options.only} '
    f'--rows={options.rows} --rounds={options.rounds}',
    unit='seconds of a step, and MiB beside state and training set',
  )


if __name__ == '__main__':
  main()
