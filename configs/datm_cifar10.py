"""DATM: difficulty-aligned trajectory matching, on CIFAR-10.

Paper: Guo et al., ICLR 2024, https://arxiv.org/abs/2310.05773

The published setting, for a GPU.

Not run: no measurement yet.

python -m rdd_jax.main --config=configs/datm_cifar10.py:ipc=10
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('datm', 'cifar10')
