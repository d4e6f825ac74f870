"""SRe2L: images recovered from a teacher, on CIFAR-10.

Paper: Yin et al., NeurIPS 2023, https://arxiv.org/abs/2306.13092

Settings of the released code for CIFAR-100; for a GPU.

Measured: shortened, at width 32 with a teacher of 10 epochs: 23.6 ± 0.4 under
hard labels (random rows 31.9 ± 1.0), 24.8 ± 1.9 under the teacher (random rows
45.0 ± 0.1), by CutMix in the place of mixup; 3 distillations x 1 network,
docs/results/decoupled.md. Recorded at commit fc92fb2.

python -m rdd_jax.main --config=configs/sre2l_cifar10.py:labels=teacher
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('sre2l', 'cifar10')
