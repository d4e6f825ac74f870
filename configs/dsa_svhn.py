"""DSA: gradient matching under Siamese augmentation, on SVHN.

Zhao and Bilen, ICML 2021, https://arxiv.org/abs/2102.08259

python -m rdd_jax.main --config=configs/dsa_svhn.py:ipc=10

The published setting, for a GPU; it has not been run here yet.

Arguments: ipc, seed, seeds, width, steps, noise, smoke.
"""

from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import gradient


def get_config(arg: str = '') -> Config:
  """The published setting, changed by `arg`."""
  return gradient.dsa('svhn', arg)
