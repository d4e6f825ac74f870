"""DSA: gradient matching under Siamese augmentation, on CIFAR-10.

Zhao and Bilen, ICML 2021, https://arxiv.org/abs/2102.08259

python -m rdd_jax.main --config=configs/dsa_cifar10.py:ipc=10

The published setting, for a GPU; it has not been run here yet.

Arguments: ipc, seed, seeds, width, steps, noise, smoke.
"""

from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import gradient


def get_config(arg: str = '') -> Config:
  """The published setting, changed by `arg`."""
  return gradient.dsa('cifar10', arg)
