"""MTT: matching training trajectories, on Fashion-MNIST.

Cazenavette et al., CVPR 2022, https://arxiv.org/abs/2203.11932

python -m rdd_jax.main --config=configs/mtt_fashion_mnist.py:ipc=10

The paper has no setting for this data set: that of CIFAR-10, without ZCA; for a
GPU. It has not been run here yet.

Arguments: ipc, seed, seeds, width, steps, smoke.
"""

from rdd_jax import unrolled_presets
from rdd_jax.defaults import Config


def get_config(arg: str = '') -> Config:
  """The published setting, changed by `arg`."""
  return unrolled_presets.mtt('fashion_mnist', arg)
