"""RFAD: random feature approximation, on CIFAR-100.

Loo, Hasani, Amini and Rus, NeurIPS 2022, https://arxiv.org/abs/2210.12067

python -m rdd_jax.main --config=configs/rfad_cifar100.py:ipc=10

The published setting, but for the number of steps and the width, which are
ours; for a GPU. It has not been run here yet.

Arguments: ipc, seed, seeds, width, steps, noise, smoke.
"""

from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import regression


def get_config(arg: str = '') -> Config:
  """The setting, changed by `arg`."""
  return regression.rfad('cifar100', arg)
