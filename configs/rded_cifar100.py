"""RDED: realistic crops, selected by a teacher, on CIFAR-100.

Paper: Sun et al., CVPR 2024, https://arxiv.org/abs/2312.03526

Settings of the released code, whose teachers are not among them; for a GPU.

Measured: shortened, at width 32 with a teacher of 10 epochs: 21.2 under hard
labels (random rows 17.4), 44.4 under the teacher (random rows 44.2); 1
distillation x 1 network, docs/results/decoupled.md. Recorded at commit fc92fb2.

python -m rdd_jax.main --config=configs/rded_cifar100.py:labels=teacher
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('rded', 'cifar100')
