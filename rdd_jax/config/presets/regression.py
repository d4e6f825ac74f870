"""Published settings of the methods that regress, as configurations.

KIP (Nguyen et al. 2021), FRePo (Zhou et al. 2022), RFAD (Loo et al. 2022) and
RCIG (Loo et al. 2023), from notes on their released code. The embedded digits
have no published setting: theirs are ours, for seconds on a CPU.
"""

from __future__ import annotations

from typing import Any

from rdd_jax.config.build.objectives import namespace
from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import datasets, registry

ZCA = 0.1  # of colour images in all four, times the mean eigenvalue

KERNELS: dict[str, dict[str, Any]] = {
  'fully_connected': {'name': 'fully_connected', 'depth': 1, 'block': 1000},
  # Pixels that meet themselves alone: as far as one GPU goes with ease.
  'convolutional': {'name': 'convolutional', 'depth': 3, 'block': 100},
  # Three blocks with pooling; an entry costs some hundred times as much.
  'pooled': {'name': 'convolutional', 'depth': 3, 'halve': True, 'block': 4},
}
DIGITS_STEPS = 300


def kip(dataset: str, arg: str = '') -> Config:
  """Configures kernel inducing points: Adam, 5,000 real rows a step.

  2,000 steps are this file's choice.

  Args:
    dataset: a name in `DATA`.
    arg: argument string, `ipc=10,steps=100`.
  """
  config, args = _start('kip', dataset, arg)
  config.kernel.update(KERNELS[args['kernel']])
  config.synthetic.labels = args['labels']
  config.objective = namespace('kip')
  config.kernel.ridge, config.real_rows = 1e-6, _of_class(config, 5000)
  config.optimizer.update(
    {'name': 'adam', 'learning_rate': 0.04, 'label_learning_rate': 0.04}
  )
  config.evaluation.networks = ('ntk',)
  config.steps = 2000
  return _finish(config, dataset, args)


def frepo(dataset: str, arg: str = '') -> Config:
  """Configures neural feature regression: ten networks, LAMB, 500,000 steps.

  Args:
    dataset: a name in `DATA`.
    arg: argument string.
  """
  config, args = _start('frepo', dataset, arg)
  few = datasets.num_classes(config) == 10 or args['ipc'] == 1
  config.synthetic.labels = 'free'
  config.objective = namespace(
    'frepo',
    loss='margin',
    mirror=dataset.startswith('cifar') and few,
    **_pool(steps=1, rate=3e-4, size=10),
  )
  config.kernel.ridge, config.real_rows = 1e-6, _of_class(config, 1024)
  config.optimizer.update(
    {
      'name': 'lamb',
      'learning_rate': 3e-4,
      'label_learning_rate': 3e-4,
      'decay': 0.1,
    }
  )
  config.evaluation.networks = ('conjugate',)
  config.steps, config.log_every, config.checkpoint_every = 500_000, 1000, 5000
  return _finish(config, dataset, args)


def rfad(dataset: str, arg: str = '') -> Config:
  """Configures random features: eight networks, redrawn.

  Labels and the temperature are learned. The released code stops early on a
  validation split; 10,000 steps are this file's choice, and so is the width of
  the networks.

  Args:
    dataset: a name in `DATA`.
    arg: argument string.
  """
  config, args = _start('rfad', dataset, arg)
  config.synthetic.update({'labels': 'free', 'label_scale': 1.0})
  config.kernel.update({**KERNELS['pooled'], 'which': 'nngp'})
  config.kernel.update({'width': 2 * args['width']})
  if dataset == 'digits':
    config.kernel.depth = 2
  config.objective = namespace('rfad', loss='cross_entropy', pool=8)
  config.kernel.ridge, config.real_rows = 5e-3, _of_class(config, 4 * 1280)
  config.optimizer.update(
    {
      'name': 'adabelief',
      'learning_rate': 1e-3,
      'label_learning_rate': 1e-3,
      'scale_learning_rate': 1e-2,
    }
  )
  config.evaluation.networks = ('nngp',)
  if args['smoke']:  # with pooling, judging alone would take minutes to hours
    config.kernel.update({'halve': False, 'block': 100})
  config.steps = 10_000
  return _finish(config, dataset, args)


def rcig(dataset: str, arg: str = '') -> Config:
  """Configures convexified implicit gradients: thirty networks, 10,000 steps.

  Args:
    dataset: a name in `DATA`.
    arg: argument string.
  """
  config, args = _start('rcig', dataset, arg)
  config.synthetic.update({'labels': 'free', 'label_scale': 1.0})
  # Between one and sixteen steps at a visit there, so eight here.
  config.objective = namespace(
    'rcig',
    loss='cross_entropy',
    iterations=20,
    **_pool(steps=8, rate=5e-5, size=30),
  )
  config.kernel.ridge, config.real_rows = 1e-3, _of_class(config, 1024)
  config.optimizer.update(
    {
      'name': 'adabelief',
      'learning_rate': 3e-3,
      'label_learning_rate': 3e-3,
      'scale_learning_rate': 3e-2,
    }
  )
  config.evaluation.networks = ('conjugate',)
  config.steps = 10_000
  return _finish(config, dataset, args)


def _start(
  method: str, dataset: str, arg: str
) -> tuple[Config, dict[str, Any]]:
  """What all share: data, the FRePo network, evaluation by squared error."""
  config, args = registry.base(method, dataset, arg)
  if dataset.startswith('cifar'):
    config.data.update({'zca': ZCA, 'zca_convention': 'frepo'})
  config.network = {
    'name': 'frepo_convnet',
    'width': args['width'],
    'depth': 2 if dataset == 'digits' else 3,
    'norm': 'batch',
  }
  config.risk = 'mean'
  config.evaluation.update(
    {
      'optimizer': 'adam',
      'learning_rate': 3e-4,
      'schedule': 'cosine',
      'weight_decay': 0.0,
      'ema': 0.995,
      'loss': 'squared',
      'augment': '' if dataset == 'digits' else datasets.families(dataset),
    }
  )
  return config, args


def _pool(*, steps: int, rate: float, size: int) -> dict[str, Any]:
  """Networks that train on all rows by Adam, for a hundred steps each."""
  inner = {
    'optimizer': 'adam',
    'learning_rate': rate,
    'steps': steps,
    'batch_size': 1000,
  }
  return {'pool': size, 'lifetime': 100, 'inner': inner}


def _of_class(config: Config, rows: int) -> int:
  """Real rows of a class, of so many in all."""
  most = 1000 if config.data.name == 'digits' else rows
  return max(min(rows, most) // datasets.num_classes(config), 1)


def _finish(config: Config, dataset: str, args: dict[str, Any]) -> Config:
  if dataset == 'digits':
    config.steps, config.log_every = DIGITS_STEPS, 10
    # Ten times and more as fast as published, for so short a run.
    rate = 0.003 if config.optimizer.name == 'lamb' else 0.01
    config.optimizer.learning_rate = max(config.optimizer.learning_rate, rate)
    config.optimizer.label_learning_rate = config.optimizer.learning_rate
    config.evaluation.update({'epochs': 300, 'learning_rate': 1e-3})
  config = registry.finish(config, args)
  if config.evaluation.networks == ('conjugate',):
    # The authors judge by their network without normalisation.
    width, depth = config.network.width, config.network.depth
    plain = f'frepo_convnet:norm=none:width={width}:depth={depth}'
    config.evaluation.networks = ('conjugate', plain)
  return config
