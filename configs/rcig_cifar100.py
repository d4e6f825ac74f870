"""RCIG: convexified implicit gradients, on CIFAR-100.

Paper: Loo, Hasani, Lechner and Rus, ICML 2023, https://arxiv.org/abs/2302.06755

The published setting, but for the weight decay, which is relative; for a GPU.

Not run: no measurement yet.

python -m rdd_jax.main --config=configs/rcig_cifar100.py:ipc=10
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('rcig', 'cifar100')
