"""RDED: realistic crops, selected by a teacher, on CIFAR-100.

Paper: Sun et al., CVPR 2024, https://arxiv.org/abs/2312.03526

Settings of the released code, whose teachers are not among them; for a GPU.

Not run: no measurement yet.

python -m rdd_jax.main --config=configs/rded_cifar100.py:labels=teacher
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('rded', 'cifar100')
