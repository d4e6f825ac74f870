"""KIP: kernel inducing points, on CIFAR-100.

Nguyen, Chen and Lee, ICLR 2021, https://arxiv.org/abs/2011.00050

python -m rdd_jax.main --config=configs/kip_cifar100.py:ipc=10

The published setting, but for the number of steps, which is ours; for a GPU. It
has not been run here yet.

Arguments: ipc, seed, seeds, width, steps, noise, smoke; and kernel
(fully_connected, convolutional, pooled) and labels (hard, free).
"""

from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import regression


def get_config(arg: str = '') -> Config:
  """The setting, changed by `arg`."""
  return regression.kip('cifar100', arg)
