"""RDED: realistic crops, selected by a teacher, on CIFAR-10.

Paper: Sun et al., CVPR 2024, https://arxiv.org/abs/2312.03526

Settings of the released code, whose teachers are not among them; for a GPU.

Measured: shortened, at width 64 with a teacher of 10 epochs: 39.7 ± 0.7 under
hard labels (random rows 33.0 ± 0.8), 55.1 ± 0.9 under the teacher (random rows
53.1 ± 1.5); 3 distillations x 1 network, docs/results/decoupled.md. Recorded at
commit 394a917.

python -m rdd_jax.main --config=configs/rded_cifar10.py:labels=teacher
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('rded', 'cifar10')
