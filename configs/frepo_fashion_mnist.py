"""FRePo: neural feature regression with pooling, on Fashion-MNIST.

Zhou, Nezhadarya and Ba, NeurIPS 2022, https://arxiv.org/abs/2206.00719

python -m rdd_jax.main --config=configs/frepo_fashion_mnist.py:ipc=10

The setting of CIFAR-10, without ZCA; for a GPU. It has not been run here yet.

Measured on two shared CPU cores, shortened to 300 steps at width 32, ipc=1, one
distillation x 3 networks, last step: 64.6 ± 2.5 (herding, likewise evaluated,
57.7 ± 1.9); ipc=10, 82.4 ± 0.2 (random real 73.9 ± 0.4, herding 70.5 ± 1.0).
README has the commands.

Arguments: ipc, seed, seeds, width, steps, noise, smoke.
"""

from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import regression


def get_config(arg: str = '') -> Config:
  """The setting, changed by `arg`."""
  return regression.frepo('fashion_mnist', arg)
