"""Published settings of each method on each data set, as configurations.

Zhao et al. 2021 (DC), Zhao and Bilen 2021 (DSA) and 2023 (DM), Kim et al. 2022
(IDC), from their released code.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from rdd_jax.config import defaults
from rdd_jax.config.defaults import Config
from rdd_jax.core.errors import UserError
from rdd_jax.data.mock import SHAPES
from rdd_jax.images.preprocessing import PUBLISHED

DSA = 'color_crop_cutout_flip_scale_rotate'
DSA_DIGITS = 'color_crop_cutout_scale_rotate'  # a mirrored digit is another


class DataPreset(NamedTuple):
  """What a method needs to know of a data set."""

  source: str
  digits: bool = False  # mirror images are other classes
  idc_rate: float = 5e-3


DATA = {
  'mnist': DataPreset('tfds:mnist', digits=True, idc_rate=1e-4),
  'fashion_mnist': DataPreset('tfds:fashion_mnist', idc_rate=1e-4),
  'svhn': DataPreset('tfds:svhn_cropped', digits=True),
  'cifar10': DataPreset('tfds:cifar10'),
  'cifar100': DataPreset('tfds:cifar100'),
  'tiny_imagenet': DataPreset('tfds:tiny_imagenet'),
  # The ten classes of IDC, prepared as PATH/{train,val}/CLASS/.
  'imagenet10': DataPreset('folder:imagenet10', idc_rate=3e-3),
  'waterbirds': DataPreset('waterbirds:waterbirds'),
  'celeba': DataPreset('celeba:celeba'),
}

# Of the ConvNet; else 3.
DEPTHS = {'tiny_imagenet': 4, 'imagenet10': 5, 'waterbirds': 4, 'celeba': 4}
SIZES = {'imagenet10': 128, 'waterbirds': 64, 'celeba': 64}  # to resize to

# DC and DSA: images per class -> (matchings in a network's life, epochs
# between them); the authors' answer for more images is the last row.
LOOPS = {
  1: (1, 1),
  10: (10, 50),
  20: (20, 25),
  30: (30, 20),
  40: (40, 15),
  50: (50, 10),
}

ARGUMENTS = {
  'ipc': 10,
  'seed': 0,
  'seeds': 3,
  'width': 128,
  'steps': 0,
  'noise': '',
  'smoke': False,
}


def dc(dataset: str, arg: str = '') -> Config:
  """Gradient matching (DC): 1000 networks, noise initialisation."""
  config, args = base('dc', dataset, arg)
  config.synthetic.init = 'noise'
  _gradient_loops(config)
  config.evaluation.epochs = 300
  if dataset == 'mnist':
    config.evaluation.augment = 'crop_scale_rotate'
    config.evaluation.epochs = 1000
  return finish(config, args)


def dsa(dataset: str, arg: str = '') -> Config:
  """DC with differentiable Siamese augmentation, from real images."""
  config, args = base('dsa', dataset, arg)
  _gradient_loops(config)
  chosen = families(dataset)
  config.objective.augment = chosen
  config.objective.inner.augment = chosen
  config.evaluation.augment = chosen
  return finish(config, args)


def dm(dataset: str, arg: str = '') -> Config:
  """Distribution matching: 20,000 random networks."""
  config, args = base('dm', dataset, arg)
  config.objective.augment = families(dataset)
  config.optimizer.learning_rate = 10.0 if config.synthetic.ipc >= 100 else 1.0
  config.steps = 20_000
  config.steps_per_call = 10
  config.evaluation.augment = families(dataset)
  return finish(config, args)


def idc(dataset: str, arg: str = '') -> Config:
  """IDC: multi-formation, networks trained on real data; `factor=1` is IDC-I.

  2000 networks of 100 matchings each.
  """
  config, args = base('idc', dataset, arg, factor=2)
  data = DATA[dataset]
  config.synthetic.factor = args['factor']
  config.synthetic.space = 'pixels'
  config.objective.update(
    {
      'name': 'gradient',
      'real_rows': 64,
      'drawn_rows': 200 if dataset != 'cifar100' else 64,
      'augment': 'color_crop_cutout',
      'convention': 'idc',
      'distance': 'mse',
      'outer': 100,
    }
  )
  augment = 'color_crop_flip_scale_rotate'
  if data.digits or dataset == 'fashion_mnist':
    augment = 'color_crop_scale_rotate'
  config.objective.inner.update(
    {
      'data': 'real',
      'steps': 2000 // 64,
      'batch_size': 64,
      'momentum': 0.9,
      'weight_decay': 5e-4,
      'augment': augment,
      'cutmix': 0.5,
    }
  )
  # The released rate is that of 10 images of the data set's own size.
  config.optimizer.learning_rate = data.idc_rate * config.synthetic.ipc / 10
  config.steps = 200_000
  config.log_every = 1000
  config.checkpoint_every = 1000
  config.evaluation.update(
    {
      'batch_size': 64,
      'schedule': 'milestones',
      'augment': augment,
      'convention': 'idc',
      'cutmix': 0.5,
    }
  )
  return finish(config, args)


def families(dataset: str) -> str:
  """The DSA families that keep the classes of a data set apart."""
  return DSA_DIGITS if DATA[dataset].digits else DSA


def num_classes(config: Config) -> int:
  """The number of classes of a configuration's data set; digits have ten."""
  _, classes = SHAPES.get(config.data.name.partition(':')[2], ((), 10))
  return classes


def _gradient_loops(config: Config) -> None:
  """The loops of DC and DSA for this number of images per class."""
  ipc = config.synthetic.ipc
  nearest = min(LOOPS, key=lambda known: abs(known - ipc))
  outer, epochs = LOOPS[nearest]
  per_epoch = max(ipc * num_classes(config) // 256, 1)
  config.objective.name = 'gradient'
  config.objective.outer = outer
  config.objective.inner.steps = epochs * per_epoch
  config.optimizer.learning_rate = 0.1
  config.steps = 1000 * outer


def base(
  method: str, dataset: str, arg: str, **more: Any
) -> tuple[Config, dict[str, Any]]:
  """The data set's part of a configuration, and the parsed arguments."""
  args = defaults.parse(arg, **ARGUMENTS, **more)
  data = DATA[dataset]
  config = defaults.config()
  config.name = f'{method}_{dataset}'
  config.seed, config.seeds = args['seed'], args['seeds']
  config.data.name = data.source
  config.data.noise = args['noise']
  config.data.mean, config.data.std = PUBLISHED[dataset]
  config.network.width = args['width']
  config.network.depth = DEPTHS.get(dataset, 3)
  if dataset in SIZES:
    config.data.size = SIZES[dataset]
  config.synthetic.ipc = args['ipc']
  if args['ipc'] < 1:
    raise UserError(
      f'ipc={args["ipc"]}: a class needs at least one image; give ipc=1 or more'
    )
  config.whole.steps = 10_000
  config.whole.augment = families(dataset)
  return config, args


def finish(config: Config, args: dict[str, Any]) -> Config:
  """The arguments that any preset takes last."""
  if args['steps']:
    config.steps = args['steps']
  return smoke(config) if args['smoke'] else config


def smoke(config: Config) -> Config:
  """Shrinks a run to seconds on two cores; mock images if there are none."""
  config.data.mock = True
  if config.data.name == DATA['tiny_imagenet'].source:
    config.data.zca = 0.0  # a matter of many minutes: cubic in 12,288 pixels
  config.seeds = min(config.seeds, 1)
  if 'width' in config.network:
    config.network.width = min(config.network.width, 8)
  config.synthetic.ipc = min(config.synthetic.ipc, 2)
  config.objective.real_rows = min(config.objective.real_rows, 8)
  config.objective.drawn_rows = min(config.objective.drawn_rows, 8)
  config.objective.outer = min(config.objective.outer, 2)
  config.objective.inner.steps = min(config.objective.inner.steps, 2)
  config.objective.window = min(config.objective.window, 2)
  config.objective.pool = min(config.objective.pool, 2)
  config.objective.iterations = min(config.objective.iterations, 2)
  config.kernel.width = min(config.kernel.width, 8)
  config.objective.earliest = min(config.objective.earliest, 0)
  config.experts.number = min(config.experts.number, 2)
  config.experts.epochs = 0
  config.experts.epoch_steps = 2
  config.experts.batch_size = min(config.experts.batch_size, 32)
  config.experts.earliest = 0
  config.experts.opening = min(config.experts.opening, 1)
  config.experts.latest = 2
  config.experts.span = 1
  config.steps = 4
  config.steps_per_call = min(config.steps_per_call, 2)
  config.log_every = 2
  config.checkpoint_every = 2
  config.evaluation.seeds = 2
  config.evaluation.epochs = 5
  config.whole.steps = min(config.whole.steps, 5)
  return config
