"""RaT-BPTT: random truncated back-propagation through time, on Fashion-MNIST.

Feng et al., ICLR 2024, https://arxiv.org/abs/2311.07025

python -m rdd_jax.main --config=configs/ratbptt_fashion_mnist.py:ipc=10

The paper has no setting for this data set: that of CIFAR-10, without ZCA; for a
GPU. It has not been run here yet.

Arguments: ipc, seed, seeds, width, steps, smoke.
"""

from rdd_jax import unrolled_presets
from rdd_jax.defaults import Config


def get_config(arg: str = '') -> Config:
  """The published setting, changed by `arg`."""
  return unrolled_presets.ratbptt('fashion_mnist', arg)
