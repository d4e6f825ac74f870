"""RCIG: convexified implicit gradients, on Fashion-MNIST.

Paper: Loo, Hasani, Lechner and Rus, ICML 2023, https://arxiv.org/abs/2302.06755

The setting of CIFAR-10, without ZCA; for a GPU.

Not run: no measurement yet.

python -m rdd_jax.main --config=configs/rcig_fashion_mnist.py:ipc=10
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('rcig', 'fashion_mnist')
