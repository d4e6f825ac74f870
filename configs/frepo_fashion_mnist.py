"""FRePo: neural feature regression with pooling, on Fashion-MNIST.

Paper: Zhou, Nezhadarya and Ba, NeurIPS 2022, https://arxiv.org/abs/2206.00719

The setting of CIFAR-10, without ZCA; for a GPU.

Measured: on two shared CPU cores, shortened to 300 steps at width 32, ipc=1,
one distillation x 3 networks, last step: 64.6 ± 2.5 (herding, likewise
evaluated, 57.7 ± 1.9); ipc=10, 82.4 ± 0.2 (random real 73.9 ± 0.4, herding 70.5
± 1.0). docs/results/regression.md has the command. Recorded at commit f44d27d.

python -m rdd_jax.main --config=configs/frepo_fashion_mnist.py:ipc=10
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('frepo', 'fashion_mnist')
