"""SRe2L: images recovered from a teacher, on Fashion-MNIST.

Paper: Yin et al., NeurIPS 2023, https://arxiv.org/abs/2306.13092

No setting is published for this data set: that of CIFAR-100; for a GPU.

Not run: no measurement yet.

python -m rdd_jax.main --config=configs/sre2l_fashion_mnist.py:labels=teacher
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('sre2l', 'fashion_mnist')
