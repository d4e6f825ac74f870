"""DATM: difficulty-aligned trajectory matching, on Fashion-MNIST.

Guo et al., ICLR 2024, https://arxiv.org/abs/2310.05773

python -m rdd_jax.main --config=configs/datm_fashion_mnist.py:ipc=10

No setting is published for this data set: that of CIFAR-10, without ZCA; for a
GPU. It has not been run here yet.

Arguments: ipc, seed, seeds, width, steps, smoke.
"""

from rdd_jax import unrolled_presets
from rdd_jax.defaults import Config


def get_config(arg: str = '') -> Config:
  """The published setting, changed by `arg`."""
  return unrolled_presets.datm('fashion_mnist', arg)
