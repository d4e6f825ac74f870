"""DC: gradient matching, on Fashion-MNIST.

Paper: Zhao, Mopuri and Bilen, ICLR 2021, https://arxiv.org/abs/2006.05929

The published setting, for a GPU.

Not run: no measurement yet.

python -m rdd_jax.main --config=configs/dc_fashion_mnist.py:ipc=10
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('dc', 'fashion_mnist')
