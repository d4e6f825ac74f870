"""DATM: difficulty-aligned trajectory matching, on CIFAR-100.

Guo et al., ICLR 2024, https://arxiv.org/abs/2310.05773

python -m rdd_jax.main --config=configs/datm_cifar100.py:ipc=10

The published setting, for a GPU; it has not been run here yet.

Arguments: ipc, seed, seeds, width, steps, noise, smoke.
"""

from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import unrolled


def get_config(arg: str = '') -> Config:
  """The published setting, changed by `arg`."""
  return unrolled.datm('cifar100', arg)
