"""DSA: gradient matching under Siamese augmentation, on CIFAR-10.

Zhao and Bilen, ICML 2021, https://arxiv.org/abs/2102.08259

python -m rdd_jax.main --config=configs/dsa_cifar10.py:ipc=10

The published setting, for a GPU; it has not been run here yet.

Arguments: ipc, seed, seeds, width, steps, noise, smoke.
"""

from rdd_jax import presets
from rdd_jax.defaults import Config


def get_config(arg: str = '') -> Config:
  """The published setting, changed by `arg`."""
  return presets.dsa('cifar10', arg)
