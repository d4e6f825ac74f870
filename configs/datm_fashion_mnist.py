"""DATM: difficulty-aligned trajectory matching, on Fashion-MNIST.

Guo et al., ICLR 2024, https://arxiv.org/abs/2310.05773

python -m rdd_jax.main --config=configs/datm_fashion_mnist.py:ipc=10

No setting is published for this data set: that of CIFAR-10, without ZCA; for a
GPU. It has not been run here yet.

Measured, two shared CPU cores, shortened to width 32, 3 flat experts that keep
a snapshot every 40 SGD steps, students of 10 steps, 150 segments and 300 epochs
of evaluation (README has the command), ipc=10, 1 distillation x 3 network
seeds, last step: 78.8 ± 0.2 (random real, likewise evaluated, 74.9 ± 0.7).

Arguments: ipc, seed, seeds, width, steps, noise, smoke.
"""

from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import unrolled


def get_config(arg: str = '') -> Config:
  """The published setting, changed by `arg`."""
  return unrolled.datm('fashion_mnist', arg)
