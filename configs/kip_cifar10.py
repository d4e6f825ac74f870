"""KIP: kernel inducing points, on CIFAR-10.

Nguyen, Chen and Lee, ICLR 2021, https://arxiv.org/abs/2011.00050

python -m rdd_jax.main --config=configs/kip_cifar10.py:ipc=10

The published setting, but for the number of steps, which is ours; for a GPU. It
has not been run here yet.

Measured on two shared CPU cores, shortened to 300 steps with 1,000 real rows,
ipc=10, hard labels, one distillation, last step: 38.4 by the NTK, from 18.8 of
the real images that it starts from.

Arguments: ipc, seed, seeds, width, steps, noise, smoke; and kernel
(fully_connected, convolutional, pooled) and labels (hard, free).
"""

from rdd_jax import kernel_presets
from rdd_jax.defaults import Config


def get_config(arg: str = '') -> Config:
  """The setting, changed by `arg`."""
  return kernel_presets.kip('cifar10', arg)
