"""What a run takes of memory and of disk, before anything is read."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax

from rdd_jax import networks
from rdd_jax.config.build import experts
from rdd_jax.config.build import networks as build_networks
from rdd_jax.config.defaults import Config
from rdd_jax.experiment.describe import count
from rdd_jax.plan.known import Known
from rdd_jax.runtime import memory
from rdd_jax.runtime.sizes import STREAM, words
from rdd_jax.synthetic.view import layout

FLOAT = 4  # bytes
KEPT = 2  # checkpoints
# What has an entry for each parameter, of an optimizer of images.
MOMENTS = {'sgd': 1, 'adam': 2, 'adabelief': 2, 'lamb': 2}
PAGE = 300_000  # bytes: report, figures, numbers, of a run of few sets


class Ahead(NamedTuple):
  """Holds what a run takes, in bytes.

  Attributes:
    known: the size of its data.
    images: all of them, in memory.
    labels: targets and weights of the training rows, in memory.
    learned: images that are distilled, with the moments of their optimizer.
    free: memory of the machine, or of its device where that has less.
    total: memory of the machine.
    disk: what the run writes, by what it is.
  """

  known: Known
  images: int
  labels: int
  learned: int
  free: int
  total: int
  disk: dict[str, int]

  @property
  def fits(self) -> bool:
    """Tells whether all of it fits in what is free."""
    return self.images + self.labels + self.learned <= self.free

  def text(self, streamed: bool) -> str:
    """Says all of it, a line each, and what to type where it does not fit.

    Args:
      streamed: images are read as they are needed.
    """
    given, n = self.known, self.known.rows + self.known.tests
    shape = 'x'.join(map(str, given.shape))
    lines = [
      f'{given.rows:,} training and {given.tests:,} test images of {shape}, '
      f'{given.classes:,} classes',
      f'memory: {words(self.images)} for {n:,} images, {words(self.labels)} '
      f'for the labels of training rows, {words(self.learned)} for what is '
      f'distilled; the machine has {words(self.total)}, of which '
      f'{words(self.free)} are free'
      + (' on its device' if memory.accelerated() else ''),
    ]
    if given.on_disk:
      lines.append(f'disk: {words(given.on_disk)}, about, of the data set')
    each = ', '.join(f'{words(b)} of {what}' for what, b in self.disk.items())
    lines.append(f'disk: {words(sum(self.disk.values()))} are written: {each}')
    if self.labels + self.learned > self.free:
      lines.append(
        'without these images too it does not fit: lower ipc, or use a larger '
        'machine'
      )
    elif not self.fits and not streamed:
      lines.append(
        f'the images do not fit: {STREAM}; or lower --config.data.size, or '
        'use a larger machine'
      )
    return '\n'.join(lines)


def ahead(config: Config, given: Known) -> Ahead:
  """Returns what a run takes of memory and of disk.

  Args:
    config: complete, and as a run would take it.
    given: the size of its data.

  >>> from rdd_jax.config.presets.registry import preset
  >>> from rdd_jax.plan.known import known
  >>> config = preset('rded', 'imagenet')()
  >>> found = ahead(config, known(config))
  >>> found.images, found.fits
  (200377906176, False)
  """
  import psutil

  machine = psutil.virtual_memory()
  on_device = memory.free()
  labels = _labels(config, given)
  return Ahead(
    given,
    given.image_bytes,
    labels,
    _learned(config, given),
    min(machine.available, on_device or machine.available),
    machine.total,
    disk(config, given),
  )


def outputs(config: Config, given: Known) -> int:
  """Returns how many numbers a network says: of classes, and of none.

  Args:
    config: of the run.
    given: the size of its data.
  """
  return given.classes + bool(config.synthetic.reject)


def variables(config: Config, given: Known) -> Any:
  """Returns the shapes of what a network of the run has.

  Args:
    config: of which `network` is read.
    given: the size of the data.
  """
  net = build_networks.network(network(config, given), outputs(config, given))
  return jax.eval_shape(
    lambda key: networks.init(net, key, given.shape), jax.random.key(0)
  )


def network(config: Config, given: Known) -> Config:
  """Returns `config.network`, as deep as fits the images.

  Args:
    config: of the run.
    given: the size of its data.
  """
  options = config.network.copy_and_resolve_references()
  if options.get('depth') == 0:
    options.depth = networks.fitting_depth(given.shape)
  return options


def _labels(config: Config, given: Known) -> int:
  """Bytes of targets, and of weight, cell and group of each row."""
  chain = config.transform.to_dict().values()
  soft = any(t.get('relabel', {}).get('soft') for t in chain if t)
  return given.rows * (3 + (outputs(config, given) if soft else 1)) * FLOAT


def _cells(config: Config, given: Known) -> int:
  """The images that are stored."""
  chosen = config.synthetic
  return len(
    layout(given.classes, chosen.ipc, chosen.slots, chosen.slot_images)
  )


def _learned(config: Config, given: Known) -> int:
  """Bytes of the images, and of the moments of their optimizer."""
  moments = MOMENTS.get(config.optimizer.name, 1) if config.steps else 0
  images = _cells(config, given) * math.prod(given.shape) * FLOAT
  return images * (1 + moments)


def _answers(config: Config, given: Known) -> int:
  """Bytes of a teacher's answers to the views of a training, see `stored`."""
  number, classes = outputs(config, given), 0
  top = config.synthetic.top_k or number
  if top < number:
    classes = 1 if number <= 256 else 2
  rows = _cells(config, given) * config.synthetic.factor**2
  return config.evaluation.epochs * rows * top * (2 + classes)


def disk(config: Config, given: Known) -> dict[str, int]:
  """Returns the bytes that a run leaves on disk, by what they are.

  Of the state of an objective, only what the images need is counted.

  Args:
    config: of the run.
    given: the size of its data.
  """
  chosen, cells = config.synthetic, _cells(config, given)
  images = cells * math.prod(given.shape) * FLOAT
  weights = count(variables(config, given)) * FLOAT
  taught = chosen.labels in experts.TAUGHT
  stored = images + cells * (outputs(config, given) + 2) * FLOAT
  stored += weights * (chosen.labels == 'teacher')
  if chosen.labels == 'epochs':
    stored += _answers(config, given)
  found = {}
  if experts.teaches(config):
    found['the teacher'] = weights
  elif experts.matched(config):
    number = config.experts.number * len(experts.snapshots(config))
    found['experts'] = number * weights
  sets = config.seeds + len(config.baselines)
  found[f'{sets} sets'] = sets * stored
  if taught:
    found['teachers of seeds'] = config.seeds * weights
  if config.steps:
    state = _learned(config, given) + _labels(config, given)
    found[f'{KEPT} checkpoints'] = KEPT * state
  if config.whole.steps:
    found['networks on all rows'] = config.whole.seeds * weights
  found['pages'] = PAGE
  return found
