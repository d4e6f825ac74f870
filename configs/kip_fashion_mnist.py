"""KIP: kernel inducing points, on Fashion-MNIST.

Nguyen, Chen and Lee, ICLR 2021, https://arxiv.org/abs/2011.00050

python -m rdd_jax.main --config=configs/kip_fashion_mnist.py:ipc=10

The setting of CIFAR-10, without ZCA; for a GPU. It has not been run here yet.

Measured on two shared CPU cores, shortened to 300 steps with 1,000 real rows,
3 distillations, by the NTK, last step: ipc=1 79.5 ± 0.0 (herding 65.8), ipc=10
83.7 ± 0.2, with labels=free 84.8 ± 0.3 (herding 72.1). README has the command.

Arguments: ipc, seed, seeds, width, steps, noise, smoke; and kernel
(fully_connected, convolutional, pooled) and labels (hard, free).
"""

from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import regression


def get_config(arg: str = '') -> Config:
  """The setting, changed by `arg`."""
  return regression.kip('fashion_mnist', arg)
