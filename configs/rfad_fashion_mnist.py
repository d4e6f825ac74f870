"""RFAD: random feature approximation, on Fashion-MNIST.

Paper: Loo, Hasani, Amini and Rus, NeurIPS 2022,
https://arxiv.org/abs/2210.12067

The setting of CIFAR-10, without ZCA; for a GPU.

Not run: no measurement yet.

python -m rdd_jax.main --config=configs/rfad_fashion_mnist.py:ipc=10
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('rfad', 'fashion_mnist')
