"""DM: distribution matching, on CIFAR-10.

Zhao and Bilen, WACV 2023, https://arxiv.org/abs/2110.04181

python -m rdd_jax.main --config=configs/dm_cifar10.py:ipc=10

The published setting, for a GPU; it has not been run here yet.

Arguments: ipc, seed, seeds, width, steps, noise, smoke.
"""

from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import gradient


def get_config(arg: str = '') -> Config:
  """The published setting, changed by `arg`."""
  return gradient.dm('cifar10', arg)
