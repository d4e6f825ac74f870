"""RFAD: random feature approximation, on Fashion-MNIST.

Loo, Hasani, Amini and Rus, NeurIPS 2022, https://arxiv.org/abs/2210.12067

python -m rdd_jax.main --config=configs/rfad_fashion_mnist.py:ipc=10

The setting of CIFAR-10, without ZCA; for a GPU. It has not been run here yet.

Arguments: ipc, seed, seeds, width, steps, noise, smoke.
"""

from rdd_jax import kernel_presets
from rdd_jax.defaults import Config


def get_config(arg: str = '') -> Config:
  """The setting, changed by `arg`."""
  return kernel_presets.rfad('fashion_mnist', arg)
