"""IDC: multi-formation, on CIFAR-10.

Paper: Kim et al., ICML 2022, https://arxiv.org/abs/2205.14959

The published setting, for a GPU.

Not run: no measurement yet.

python -m rdd_jax.main --config=configs/idc_cifar10.py:ipc=10
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('idc', 'cifar10')
