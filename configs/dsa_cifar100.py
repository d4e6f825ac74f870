"""DSA: gradient matching under Siamese augmentation, on CIFAR-100.

Paper: Zhao and Bilen, ICML 2021, https://arxiv.org/abs/2102.08259

The published setting, for a GPU.

Not run: no measurement yet.

python -m rdd_jax.main --config=configs/dsa_cifar100.py:ipc=10
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('dsa', 'cifar100')
