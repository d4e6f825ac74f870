"""FRePo: neural feature regression with pooling, on CIFAR-10.

Zhou, Nezhadarya and Ba, NeurIPS 2022, https://arxiv.org/abs/2206.00719

python -m rdd_jax.main --config=configs/frepo_cifar10.py:ipc=10

The published setting, for a GPU; it has not been run here yet.

Arguments: ipc, seed, seeds, width, steps, noise, smoke.
"""

from rdd_jax import kernel_presets
from rdd_jax.defaults import Config


def get_config(arg: str = '') -> Config:
  """The setting, changed by `arg`."""
  return kernel_presets.frepo('cifar10', arg)
