"""DC: gradient matching, on CIFAR-100.

Paper: Zhao, Mopuri and Bilen, ICLR 2021, https://arxiv.org/abs/2006.05929

The published setting, for a GPU.

Not run: no measurement yet.

python -m rdd_jax.main --config=configs/dc_cifar100.py:ipc=10
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('dc', 'cifar100')
