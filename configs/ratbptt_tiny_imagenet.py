"""RaT-BPTT: random truncated back-propagation through time, on Tiny-ImageNet.

Feng et al., ICLR 2024, https://arxiv.org/abs/2311.07025

python -m rdd_jax.main --config=configs/ratbptt_tiny_imagenet.py:ipc=10

The published setting, for a GPU; it has not been run here yet.

Arguments: ipc, seed, seeds, width, steps, noise, smoke.
"""

from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import unrolled


def get_config(arg: str = '') -> Config:
  """The published setting, changed by `arg`."""
  return unrolled.ratbptt('tiny_imagenet', arg)
