"""Times what trains on a stream, and what passes over it, beside memory.

Seconds of an epoch of a teacher, and of a pass of a network over all rows:
`python tests/stream_training.py --width=32`. In turn, medians of all rounds;
the first epoch of each, which compiles, is left out.
"""

from __future__ import annotations

import argparse
from pathlib import Path
import statistics
import tempfile
import time

import jax
import numpy as np
import optax

from rdd_jax import networks
from rdd_jax.config.defaults import config as defaults
from rdd_jax.core.measure import empirical
from rdd_jax.core.streamed import Images, on_device
from rdd_jax.core.transform import BoundTransform, EmptyState, identity
from rdd_jax.data import load_split
from rdd_jax.experiment import experts
from rdd_jax.experiment.experts import buffer as buffers
from rdd_jax.images.preprocessing import standardize
from rdd_jax.runtime import distributed as meshes
from rdd_jax.training.expert import expert
from rdd_jax.training.predict import predict

_BATCH = 128


def main() -> None:
  """Prints seconds of both, from disk and from memory."""
  parser = argparse.ArgumentParser()
  parser.add_argument('--name', default='cifar10', help='of TFDS')
  parser.add_argument('--width', type=int, default=32, help='of a ConvNet')
  parser.add_argument('--workers', type=int, default=2, help='processes')
  parser.add_argument('--rounds', type=int, default=3, help='of both')
  given = parser.parse_args()
  meshes.initialise(False)
  split = load_split(
    f'tfds:{given.name}', 'train', stream=True, workers=given.workers
  )
  classes = int(split.labels.max()) + 1
  shape = split.images.shape[1:]
  net = networks.build(
    'convnet', classes, width=given.width, depth=3, norm='batch'
  )
  preprocess = standardize([0.5] * shape[-1], [0.25] * shape[-1])
  how = expert(
    net,
    optax.sgd(0.1, momentum=0.9),
    shape,
    classes,
    preprocess=preprocess,
    batch_size=_BATCH,
    edit=BoundTransform(EmptyState(), identity()),
  )
  measure = empirical(split.labels, classes)
  variables = networks.init(net, jax.random.key(0), shape)
  stacked = jax.tree.map(lambda x: x[None], variables)
  mesh = meshes.make_mesh(1)

  def epoch(images: Images) -> float:
    ends: list[float] = []
    config = defaults()
    config.synthetic.labels, config.experts.epochs = 'teacher', 2
    with tempfile.TemporaryDirectory() as path, meshes.use(mesh):
      buffer = buffers.buffer(config, Path(path) / 'run', 1)
      held = meshes.replicate((images, measure), mesh)
      experts.trajectories(
        *(buffer, how, jax.random.key(0), *held, mesh),
        tell=lambda _: ends.append(time.perf_counter()),
      )
    return ends[1] - ends[0]

  def passed(images: Images) -> float:
    predict(net, stacked, images[:1000], preprocess)
    begin = time.perf_counter()
    predict(net, stacked, images, preprocess)
    return time.perf_counter() - begin

  sources = {
    'stream': split.images,
    'memory': on_device(np.asarray(split.images[:])),
  }
  found = {
    (what.__name__, name): [] for what in (epoch, passed) for name in sources
  }
  for _ in range(given.rounds):
    for name, images in sources.items():
      for what in (epoch, passed):
        found[what.__name__, name].append(what(images))
  for (what, name), seconds in found.items():
    print(f'{what} {name}: {statistics.median(seconds):.2f} s')


if __name__ == '__main__':
  main()
