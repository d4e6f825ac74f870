"""Published settings of each method on each data set, as configurations.

Zhao et al. 2021 (DC), Zhao and Bilen 2021 (DSA) and 2023 (DM), Kim et al. 2022
(IDC), from their released code.
"""

from __future__ import annotations

from rdd_jax.config.build.objectives import namespace
from rdd_jax.config.defaults import Config
from rdd_jax.config.presets.datasets import families, lookup, num_classes
from rdd_jax.config.presets.registry import base, finish

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


def dc(dataset: str, arg: str = '') -> Config:
  """Configures gradient matching (DC): 1000 networks, noise initialization.

  Args:
    dataset: a name in `DATA`.
    arg: argument string, `ipc=10,steps=100`.
  """
  config, args = base('dc', dataset, arg)
  config.synthetic.init = 'noise'
  _gradient_loops(config)
  config.evaluation.epochs = 300
  if dataset == 'mnist':
    config.evaluation.augment = 'crop_scale_rotate'
    config.evaluation.epochs = 1000
  return finish(config, args)


def dsa(dataset: str, arg: str = '') -> Config:
  """Configures DC with differentiable Siamese augmentation, from real images.

  Args:
    dataset: a name in `DATA`.
    arg: argument string.
  """
  config, args = base('dsa', dataset, arg)
  _gradient_loops(config)
  chosen = families(dataset)
  config.objective.augment = chosen
  config.objective.inner.augment = chosen
  config.evaluation.augment = chosen
  return finish(config, args)


def dm(dataset: str, arg: str = '') -> Config:
  """Configures distribution matching: 20,000 random networks.

  Args:
    dataset: a name in `DATA`.
    arg: argument string.
  """
  config, args = base('dm', dataset, arg)
  config.objective.augment = families(dataset)
  config.optimizer.learning_rate = 10.0 if config.synthetic.ipc >= 100 else 1.0
  config.steps = 20_000
  config.steps_per_call = 10
  config.evaluation.augment = families(dataset)
  return finish(config, args)


def idc(dataset: str, arg: str = '') -> Config:
  """Configures IDC: multi-formation, 2000 networks trained on real data.

  Each network is matched 100 times. `factor=1` is IDC-I.

  Args:
    dataset: a name in `DATA`.
    arg: argument string.
  """
  config, args = base('idc', dataset, arg)
  data = lookup(dataset)
  config.synthetic.factor = args['factor']
  config.synthetic.space = 'pixels'
  augment = 'color_crop_flip_scale_rotate'
  if not data.mirror_safe or dataset == 'fashion_mnist':
    augment = 'color_crop_scale_rotate'
  config.real_rows = 200 if dataset != 'cifar100' else 64
  config.objective = namespace(
    'gradient',
    outer=100,
    distance='mse',
    augment='color_crop_cutout',
    convention='idc',
    matched_rows=64,
    inner={
      'data': 'real',
      'steps': 2000 // 64,
      'batch_size': 64,
      'momentum': 0.9,
      'weight_decay': 5e-4,
      'augment': augment,
      'convention': 'idc',
      'cutmix': 0.5,
    },
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


def _gradient_loops(config: Config) -> None:
  """The loops of DC and DSA for this number of images per class."""
  ipc = config.synthetic.ipc
  nearest = min(LOOPS, key=lambda known: abs(known - ipc))
  outer, epochs = LOOPS[nearest]
  per_epoch = max(ipc * num_classes(config) // 256, 1)
  inner = {'steps': epochs * per_epoch}
  config.objective = namespace('gradient', outer=outer, inner=inner)
  config.optimizer.learning_rate = 0.1
  config.steps = 1000 * outer
