"""SRe2L: images recovered from a teacher, on CIFAR-100.

Paper: Yin et al., NeurIPS 2023, https://arxiv.org/abs/2306.13092

Settings of the released code for CIFAR-100; for a GPU.

Measured: shortened, at width 64 with a teacher of 10 epochs: 29.3 under the
teacher (random rows 41.0); 1 distillation x 1 network of 150 epochs,
docs/results/decoupled.md. Recorded at commit 394a917.

python -m rdd_jax.main --config=configs/sre2l_cifar100.py:labels=teacher
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('sre2l', 'cifar100')
