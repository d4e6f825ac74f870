"""FRePo: neural feature regression with pooling, on CIFAR-10.

Paper: Zhou, Nezhadarya and Ba, NeurIPS 2022, https://arxiv.org/abs/2206.00719

The published setting, for a GPU.

Measured: 29.0 ± 0.5 with ipc=1 (random real 17.3 ± 0.3), on a GPU, 11,000 steps
and not 500,000, one distillation, three networks without normalisation, last
step; with ipc=10, by networks with batch norm, 55.2 ± 0.1 (37.5 ± 0.2). The
paper has 46.8 and 65.5, at full length. Recorded at commit f44d27d.

python -m rdd_jax.main --config=configs/frepo_cifar10.py:ipc=10
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('frepo', 'cifar10')
