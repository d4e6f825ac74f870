"""RDED: realistic crops, selected by a teacher, on CIFAR-100.

Paper: Sun et al., CVPR 2024, https://arxiv.org/abs/2312.03526

Settings of the released code, whose teachers are not among them; for a GPU.

Measured: shortened, at width 64 with a teacher of 10 epochs: 20.7 ± 0.0 under
hard labels (random rows 16.8 ± 1.3), 47.9 ± 0.3 under the teacher (random rows
48.3 ± 0.9); 3 distillations x 1 network of 150 epochs,
docs/results/decoupled.md. Recorded at commit 394a917.

python -m rdd_jax.main --config=configs/rded_cifar100.py:labels=teacher
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('rded', 'cifar100')
