"""Published settings of the methods that differentiate through training.

MTT (Cazenavette et al. 2022), by its author's parameters as DC-BENCH passes
them on; DATM (Guo et al. 2024), by the files of its repository at 97ae510;
RaT-BPTT (Feng et al. 2024), by the README of its repository at 7915c5a. None of
them has settings for Fashion-MNIST: there, those of CIFAR-10 stand, without
whitening. MTT and DATM give CIFAR-100, where it is not whitened, the statistics
of CIFAR-10.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

from rdd_jax.config.build.objectives import namespace
from rdd_jax.config.defaults import Config
from rdd_jax.config.presets.datasets import families, num_classes
from rdd_jax.config.presets.registry import base, finish
from rdd_jax.images.published import STATISTICS

T = TypeVar('T')

ZCA = 0.1


class MTT(NamedTuple):
  """A row of MTT's table, or of DATM's.

  Attributes:
    steps: of the student.
    span: epochs in a segment.
    latest: segments start before this epoch.
    image_rate: learning rate of the images.
    step_size_rate: learning rate of the student's step size.
    step_size: the first one.
    batch: synthetic rows in a step of the student; 0 takes all.
    zca: whitened.
  """

  steps: int
  span: int
  latest: int
  image_rate: float
  step_size_rate: float
  step_size: float
  batch: int = 0
  zca: bool = False


MTT_TABLE = {
  'cifar10': {
    1: MTT(50, 2, 2, 100, 1e-7, 0.01, zca=True),
    10: MTT(30, 2, 20, 100, 1e-5, 0.001, zca=True),
    50: MTT(30, 2, 40, 1000, 1e-5, 0.001),
  },
  'cifar100': {
    1: MTT(20, 3, 20, 1000, 1e-5, 0.01, zca=True),
    10: MTT(20, 2, 20, 1000, 1e-5, 0.01),
    50: MTT(80, 2, 40, 1000, 1e-5, 0.01, 125, zca=True),
  },
  'tiny_imagenet': {
    1: MTT(10, 2, 10, 1e4, 1e-4, 0.01),
    10: MTT(20, 2, 40, 1e4, 1e-4, 0.01, 200),
    50: MTT(20, 2, 40, 1e4, 1e-4, 0.01, 300),
  },
}


class DATM(NamedTuple):
  """What DATM adds to a row of MTT's.

  Attributes:
    match: the row.
    label_rate: learning rate of the labels.
    earliest: segments start from this epoch on.
    opening: `latest` at first; 0 where it does not widen.
    expansion: steps over which it widens.
    skip_above: steps of a larger loss are left out.
  """

  match: MTT
  label_rate: float
  earliest: int = 0
  opening: int = 0
  expansion: int = 0
  skip_above: float = 1.0


DATM_TABLE = {
  'cifar10': {
    1: DATM(MTT(80, 2, 4, 100, 1e-7, 0.01), 5, skip_above=1.1),
    10: DATM(MTT(80, 2, 20, 100, 1e-5, 0.01), 2, 0, 10, 1000),
    50: DATM(MTT(80, 2, 40, 1000, 1e-5, 0.01), 2, 0, 20, 2000),
    500: DATM(MTT(40, 2, 60, 50, 1e-5, 0.01, 1000), 10, 40),
    1000: DATM(MTT(100, 2, 60, 50, 1e-5, 0.01, 1000), 10, 40),
  },
  'cifar100': {
    1: DATM(MTT(40, 3, 20, 1000, 1e-5, 0.01), 10, 0, 10, 1000),
    10: DATM(MTT(80, 2, 50, 1000, 1e-5, 0.01), 10, 0, 30, 2000),
    50: DATM(MTT(80, 2, 70, 1000, 1e-5, 0.01, 1000), 10, 20),
    100: DATM(MTT(80, 2, 70, 50, 1e-5, 0.01, 1000), 10, 30),
  },
  'tiny_imagenet': {
    1: DATM(MTT(40, 2, 20, 1e4, 1e-4, 0.01), 10, 0, 15, 2000),
    10: DATM(MTT(40, 2, 50, 100, 1e-4, 0.01, 500), 10, 10),
    50: DATM(MTT(20, 2, 70, 100, 1e-4, 0.01, 1000), 10, 40),
  },
}


class RaT(NamedTuple):
  """A row of RaT-BPTT's settings.

  Attributes:
    window: steps that are differentiated.
    steps: of the longest student.
    batch: synthetic rows in a step of the student; 0 takes all.
    real: rows of the outer batch.
    rate: of Adam on the synthetic set.
    late: the window is always the last one, not at random.
    soft: labels are learned.
    zca: whitened.
  """

  window: int
  steps: int
  batch: int
  real: int
  rate: float
  late: bool = False
  soft: bool = False
  zca: bool = True


RAT_TABLE = {
  'cifar10': {10: RaT(60, 200, 0, 5000, 1e-3)},
  'cifar100': {
    1: RaT(90, 130, 0, 5000, 3e-4, late=True, soft=True),
    10: RaT(100, 300, 100, 5000, 1e-3, soft=True),
  },
  'tiny_imagenet': {
    10: RaT(90, 270, 50, 2000, 3e-4, late=True, soft=True, zca=False),
  },
}


def mtt(dataset: str, arg: str = '') -> Config:
  """Configures matching training trajectories: 100 experts, 5,000 segments.

  Args:
    dataset: a name in `DATA`.
    arg: argument string, `ipc=10,steps=100`.
  """
  config, args = base('mtt', dataset, arg)
  row = nearest(MTT_TABLE, dataset, args['ipc'])
  _trajectories(config, dataset, row)
  config.steps = 5000
  return finish(config, args)


def datm(dataset: str, arg: str = '') -> Config:
  """Configures difficulty-aligned trajectories: flat experts, soft labels.

  10,000 segments. Experts train for 100 epochs, and their last snapshot
  initializes images and labels.

  Args:
    dataset: a name in `DATA`.
    arg: argument string.
  """
  config, args = base('datm', dataset, arg)
  row = nearest(DATM_TABLE, dataset, args['ipc'])
  zca = dataset != 'fashion_mnist'
  _trajectories(config, dataset, row.match._replace(zca=zca))
  fixed = dataset == 'cifar100' and args['ipc'] >= 50
  config.synthetic.init = 'real' if fixed else 'predicted'
  config.synthetic.labels = 'soft'
  config.optimizer.update(
    {
      'label_learning_rate': float(row.label_rate),
      'label_momentum': 0.9,
      'skip_above': row.skip_above,
    }
  )
  config.experts.update(
    {
      'epochs': 100,
      'radius': 0.01,
      'alpha': 0.3,
      'earliest': row.earliest,
      'opening': row.opening,
      'expansion': row.expansion,
    }
  )
  config.evaluation.batch_size = 128
  config.steps = 10_000
  return finish(config, args)


def ratbptt(dataset: str, arg: str = '') -> Config:
  """Configures random truncated back-propagation through time, from noise.

  The released command is stopped by hand; 20,000 steps are this file's choice.

  Args:
    dataset: a name in `DATA`.
    arg: argument string.
  """
  config, args = base('ratbptt', dataset, arg)
  row = nearest(RAT_TABLE, dataset, args['ipc'])
  classes = num_classes(config)
  config.data.zca = ZCA if row.zca and dataset != 'fashion_mnist' else 0.0
  config.synthetic.init = 'noise'
  config.synthetic.labels = 'soft' if row.soft else 'hard'
  config.real_rows = max(row.real // classes, 1)
  config.objective = namespace(
    'unrolled',
    window=row.window,
    earliest=-1 if row.late else 0,
    augment='flip_rotate',
    inner={
      'optimizer': 'adam',
      'learning_rate': 1e-3,
      'steps': row.steps,
      'batch_size': row.batch or args['ipc'] * classes,
      'augment': 'flip_rotate',
    },
  )
  config.optimizer.update(
    {
      'name': 'adam',
      'learning_rate': row.rate,
      'label_learning_rate': row.rate,
      'clip': 2.0,
    }
  )
  config.risk = 'mean'
  config.steps = 20_000
  config.evaluation.update(
    {
      'optimizer': 'adam',
      'learning_rate': 1e-3,
      'schedule': 'constant',
      'weight_decay': 0.0,
      'augment': 'flip_rotate',
    }
  )
  return finish(config, args)


def nearest(table: dict[str, dict[int, T]], dataset: str, ipc: int) -> T:
  """Returns the entry for so many images per class, or for the nearest number.

  Args:
    table: data set to images per class to entry.
    dataset: its name; one that is not there takes those of `cifar10`.
    ipc: images per class.

  >>> nearest({'cifar10': {1: 'one', 10: 'ten'}}, 'svhn', 7)
  'ten'
  """
  rows = table.get(dataset, table['cifar10'])
  return rows[min(rows, key=lambda known: abs(known - ipc))]


def _trajectories(config: Config, dataset: str, row: MTT) -> None:
  """What MTT and DATM share."""
  augment = families(dataset)
  if dataset == 'cifar100':  # what their `get_dataset` gives it
    config.data.mean, config.data.std = STATISTICS['cifar10']
  config.data.zca = ZCA if row.zca and dataset != 'fashion_mnist' else 0.0
  config.synthetic.step_size = row.step_size
  config.objective = namespace(
    'trajectory',
    inner={
      'steps': row.steps,
      'batch_size': row.batch or 1_000_000,
      'augment': augment,
    },
  )
  config.optimizer.update(
    {
      'learning_rate': float(row.image_rate),
      'step_size_learning_rate': row.step_size_rate,
    }
  )
  config.experts.update(
    {'latest': row.latest, 'span': row.span, 'augment': augment}
  )
  config.evaluation.augment = augment
