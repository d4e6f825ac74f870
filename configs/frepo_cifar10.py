"""FRePo: neural feature regression with pooling, on CIFAR-10.

Zhou, Nezhadarya and Ba, NeurIPS 2022, https://arxiv.org/abs/2206.00719

python -m rdd_jax.main --config=configs/frepo_cifar10.py:ipc=10

The published setting, for a GPU. On one, 11,000 steps and not 500,000, one
distillation, three networks without normalisation, last step: 29.0 ± 0.5 with
ipc=1 (random real 17.3 ± 0.3); with ipc=10, by networks with batch norm,
55.2 ± 0.1 (37.5 ± 0.2). The paper has 46.8 and 65.5, at full length.

Arguments: ipc, seed, seeds, width, steps, noise, smoke.
"""

from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import regression


def get_config(arg: str = '') -> Config:
  """The setting, changed by `arg`."""
  return regression.frepo('cifar10', arg)
