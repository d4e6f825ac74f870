"""DC: gradient matching, on Fashion-MNIST.

Zhao, Mopuri and Bilen, ICLR 2021, https://arxiv.org/abs/2006.05929

python -m rdd_jax.main --config=configs/dc_fashion_mnist.py:ipc=10

Arguments: ipc, seed, seeds, width, steps, smoke.
"""

from ml_collections import ConfigDict

from rdd_jax import presets


def get_config(arg: str = '') -> ConfigDict:
  """The published setting, changed by `arg`."""
  return presets.dc('fashion_mnist', arg)
