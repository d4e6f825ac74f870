"""RCIG: convexified implicit gradients, on CIFAR-100.

Loo, Hasani, Lechner and Rus, ICML 2023, https://arxiv.org/abs/2302.06755

python -m rdd_jax.main --config=configs/rcig_cifar100.py:ipc=10

The published setting, but for the weight decay, which is relative; for a GPU.
It has not been run here yet.

Arguments: ipc, seed, seeds, width, steps, noise, smoke.
"""

from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import regression


def get_config(arg: str = '') -> Config:
  """The setting, changed by `arg`."""
  return regression.rcig('cifar100', arg)
