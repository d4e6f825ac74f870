"""SRe2L: images recovered from a teacher, on CIFAR-10.

Paper: Yin et al., NeurIPS 2023, https://arxiv.org/abs/2306.13092

Settings of the released code for CIFAR-100; for a GPU.

Measured: shortened, at width 64 with a teacher of 10 epochs: 25.3 ± 0.3 under
hard labels (random rows 33.0 ± 0.8), 26.6 ± 1.0 under the teacher (random rows
46.8 ± 0.7); 3 distillations x 1 network, docs/results/decoupled.md. Recorded at
commit 394a917.

python -m rdd_jax.main --config=configs/sre2l_cifar10.py:labels=teacher
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('sre2l', 'cifar10')
