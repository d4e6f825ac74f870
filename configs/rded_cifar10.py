"""RDED: realistic crops, selected by a teacher, on CIFAR-10.

Paper: Sun et al., CVPR 2024, https://arxiv.org/abs/2312.03526

Settings of the released code, whose teachers are not among them; for a GPU.

Measured: shortened, at width 32 with a teacher of 10 epochs: 39.4 ± 0.7 under
hard labels (random rows 31.9 ± 1.0), 51.8 ± 1.2 under the teacher (random rows
49.4 ± 0.3); 3 distillations x 1 network, docs/results/decoupled.md. Recorded at
commit fc92fb2.

python -m rdd_jax.main --config=configs/rded_cifar10.py:labels=teacher
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('rded', 'cifar10')
