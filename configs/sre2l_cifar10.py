"""SRe2L: images recovered from a teacher, on CIFAR-10.

Paper: Yin et al., NeurIPS 2023, https://arxiv.org/abs/2306.13092

Settings of the released code for CIFAR-100; for a GPU.

Not run: no measurement yet.

python -m rdd_jax.main --config=configs/sre2l_cifar10.py:labels=teacher
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('sre2l', 'cifar10')
