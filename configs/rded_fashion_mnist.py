"""RDED: realistic crops, selected by a teacher, on Fashion-MNIST.

Paper: Sun et al., CVPR 2024, https://arxiv.org/abs/2312.03526

No setting is published for this data set: that of CIFAR-10; for a GPU.

Not run: no measurement yet.

python -m rdd_jax.main --config=configs/rded_fashion_mnist.py:labels=teacher
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('rded', 'fashion_mnist')
