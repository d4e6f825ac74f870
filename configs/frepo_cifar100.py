"""FRePo: neural feature regression with pooling, on CIFAR-100.

Paper: Zhou, Nezhadarya and Ba, NeurIPS 2022, https://arxiv.org/abs/2206.00719

The published setting, for a GPU.

Not run: no measurement yet.

python -m rdd_jax.main --config=configs/frepo_cifar100.py:ipc=10
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('frepo', 'cifar100')
