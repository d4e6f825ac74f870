"""IDC: multi-formation, on Fashion-MNIST.

Kim et al., ICML 2022, https://arxiv.org/abs/2205.14959

python -m rdd_jax.main --config=configs/idc_fashion_mnist.py:ipc=10

The published setting, for a GPU; it has not been run here yet.

Arguments: ipc, seed, seeds, width, steps, noise, smoke; factor=1 is IDC-I.
"""

from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import gradient


def get_config(arg: str = '') -> Config:
  """The published setting, changed by `arg`."""
  return gradient.idc('fashion_mnist', arg)
