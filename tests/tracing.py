"""Traces the first step of a configuration, without arithmetic."""

from __future__ import annotations

from functools import cache

import jax
import numpy as np

from rdd_jax import data, networks
from rdd_jax.config.build import experiment as build_experiment
from rdd_jax.config.build import experts
from rdd_jax.config.defaults import Config
from rdd_jax.core.batch import Look
from rdd_jax.core.measure import Measure, empirical
from rdd_jax.core.sharding import constrain
from rdd_jax.experiment.describe import count
from rdd_jax.images.published import GROUPED


def shapes(config: Config) -> data.Dataset:
  """A few blank rows of the shape of the data set that a config names."""
  return _shapes(config.data.name, config.data.rare)


@cache
def _shapes(name: str, rare: str) -> data.Dataset:
  if rare:
    return data.rarefy(_shapes(name, ''), rare, jax.random.key(0))
  if name == 'digits':
    return data.load(name)
  # Blank images take no time to draw and no memory, and have the shape. Of
  # large ones some of each class will do.
  known = name.partition(':')[2]
  shape, classes = data.SHAPES[known]
  rows = max(400, 20 * classes) if shape[0] > 64 else 4000
  labels, tests = np.arange(rows) % classes, rows // 5
  blank = np.zeros((rows, *shape), np.uint8)
  groups = None
  if known in GROUPED:  # of one row in twenty, that of the next class
    groups = (labels + (np.arange(rows) // classes % 20 == 0)) % classes
  return data.from_arrays(
    blank,
    labels,
    blank[:tests],
    labels[:tests],
    num_classes=classes,
    train_groups=groups,
    test_groups=None if groups is None else groups[:tests],
  )


def trace(config: Config, *, step: bool) -> None:
  """Traces a run's first state and, if asked, its first step; no arithmetic."""
  config.data.zca = 0.0  # cubic in the pixels, and changes no shape
  dataset = shapes(config)
  experiment = build_experiment.build(
    config, dataset, build_experiment.preprocessing(config, dataset)
  )

  def begin(key: jax.Array, images: jax.Array, measure: Measure):
    params = experiment.initial(key, images, measure)
    state = experiment.distiller.init(key, experiment.spec, params, measure)
    if not step:
      return state, state, {}
    real = constrain(experiment.draw(key, measure))
    look = Look(images, experiment.look)
    feed = None
    if experiment.feed:
      size = count(networks.init(experiment.net, key, dataset.image_shape))
      epochs = experts.snapshots(config)[-1] + 1
      still = np.broadcast_to(np.zeros(size, np.float32), (epochs, size))
      feed = experiment.feed([0], 0, [still])
    return state, *experiment.distiller.update(state, real, feed, look)

  measure = empirical(dataset.train_labels, experiment.spec.num_outputs)
  state, new, metrics = jax.eval_shape(
    begin, jax.random.key(0), dataset.train_images, measure
  )
  assert jax.tree.map(lambda a: (a.shape, a.dtype), state) == jax.tree.map(
    lambda a: (a.shape, a.dtype), new
  )
  assert not step or metrics['loss'].shape == ()
  assert config.steps % config.steps_per_call == 0
