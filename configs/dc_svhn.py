"""DC: gradient matching, on SVHN.

Zhao, Mopuri and Bilen, ICLR 2021, https://arxiv.org/abs/2006.05929

python -m rdd_jax.main --config=configs/dc_svhn.py:ipc=10

The published setting, for a GPU; it has not been run here yet.

Arguments: ipc, seed, seeds, width, steps, noise, smoke.
"""

from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import gradient


def get_config(arg: str = '') -> Config:
  """The published setting, changed by `arg`."""
  return gradient.dc('svhn', arg)
