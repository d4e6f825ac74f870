"""RCIG: convexified implicit gradients, on Fashion-MNIST.

Loo, Hasani, Lechner and Rus, ICML 2023, https://arxiv.org/abs/2302.06755

python -m rdd_jax.main --config=configs/rcig_fashion_mnist.py:ipc=10

The setting of CIFAR-10, without ZCA; for a GPU. It has not been run here yet.

Arguments: ipc, seed, seeds, width, steps, noise, smoke.
"""

from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import regression


def get_config(arg: str = '') -> Config:
  """The setting, changed by `arg`."""
  return regression.rcig('fashion_mnist', arg)
