"""KIP: kernel inducing points, on Fashion-MNIST.

Paper: Nguyen, Chen and Lee, ICLR 2021, https://arxiv.org/abs/2011.00050

The setting of CIFAR-10, without ZCA; for a GPU.

Measured: on two shared CPU cores, shortened to 300 steps with 1,000 real rows,
3 distillations, by the NTK, last step: ipc=1 79.5 ± 0.0 (herding 65.8), ipc=10
83.7 ± 0.2, with labels=free 84.8 ± 0.3 (herding 72.1).
docs/results/regression.md has the command. Recorded at commit f44d27d.

python -m rdd_jax.main --config=configs/kip_fashion_mnist.py:ipc=10
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('kip', 'fashion_mnist')
