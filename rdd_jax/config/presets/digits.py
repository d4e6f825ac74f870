"""Methods on the embedded digits, in seconds to minutes on two CPU cores.

No method publishes settings for them; these are short and were not tuned.
"""

from __future__ import annotations

from typing import Any

from rdd_jax.config.build.objectives import namespace
from rdd_jax.config.defaults import Config
from rdd_jax.config.presets.datasets import DSA_DIGITS
from rdd_jax.config.presets.registry import base, finish


def dm(arg: str = '') -> Config:
  """Configures distribution matching."""
  config, args = _base('dm', arg)
  config.steps, config.steps_per_call, config.log_every = 500, 10, 10
  return finish(config, args)


def dc(arg: str = '') -> Config:
  """Configures gradient matching, ten matchings in the life of a network."""
  config, args = _base('dc', arg)
  _match_gradients(config)
  return finish(config, args)


def dsa(arg: str = '') -> Config:
  """Configures gradient matching with differentiable Siamese augmentation."""
  config, args = _base('dsa', arg)
  _match_gradients(config)
  config.objective.augment = DSA_DIGITS
  config.objective.inner.augment = DSA_DIGITS
  return finish(config, args)


def mtt(arg: str = '') -> Config:
  """Trajectories of four experts, in segments of two stretches of 20 steps."""
  config, args = _base('mtt', arg)
  inner = {'steps': 10, 'batch_size': 1_000_000}
  config.objective = namespace('trajectory', inner=inner)
  config.synthetic.step_size = 0.02
  config.optimizer.update(
    {'learning_rate': 100.0, 'step_size_learning_rate': 5e-6}
  )
  config.experts.update({'number': 4, 'epoch_steps': 20, 'latest': 15})
  config.steps = 300
  return finish(config, args)


def ratbptt(arg: str = '') -> Config:
  """Students of 30 steps of Adam, differentiated through eight of them."""
  config, args = _base('ratbptt', arg)
  config.objective = namespace(
    'unrolled',
    window=8,
    earliest=0,
    inner={
      'optimizer': 'adam',
      'learning_rate': 0.005,
      'steps': 30,
      'batch_size': 10 * args['ipc'],
    },
  )
  config.optimizer.update({'name': 'adam', 'learning_rate': 0.02, 'clip': 2.0})
  config.risk = 'mean'
  config.steps = 200
  config.evaluation.update(
    {'optimizer': 'adam', 'learning_rate': 1e-3, 'weight_decay': 0.0}
  )
  return finish(config, args)


def _match_gradients(config: Config) -> None:
  config.objective = namespace('gradient', outer=10, inner={'steps': 10})
  config.optimizer.learning_rate = 0.1
  config.steps = 300


def _base(method: str, arg: str) -> tuple[Config, dict[str, Any]]:
  """What is common, and the parsed arguments."""
  config, args = base(method, 'digits', arg)
  config.real_rows = 64
  config.evaluation.update({'epochs': 300, 'schedule': 'cosine'})
  config.whole.update({'steps': 1500, 'batch_size': 128, 'seeds': 3})
  return config, args
