"""MTT: matching training trajectories, on Tiny-ImageNet.

Cazenavette et al., CVPR 2022, https://arxiv.org/abs/2203.11932

python -m rdd_jax.main --config=configs/mtt_tiny_imagenet.py:ipc=10

The published setting, for a GPU; it has not been run here yet.

Arguments: ipc, seed, seeds, width, steps, noise, smoke.
"""

from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import unrolled


def get_config(arg: str = '') -> Config:
  """The published setting, changed by `arg`."""
  return unrolled.mtt('tiny_imagenet', arg)
