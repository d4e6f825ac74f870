"""DSA: gradient matching under Siamese augmentation, on Fashion-MNIST.

Paper: Zhao and Bilen, ICML 2021, https://arxiv.org/abs/2102.08259

Measured: two CPU cores, shortened to width 32, 40 networks of 10 inner steps,
64 real rows and 300 epochs, ipc=10, 3 x 3 seeds, last step: 78.5 ± 0.4 (random
real 73.8 ± 1.3, herding 78.3 ± 0.5). Recorded at commit f44d27d.

python -m rdd_jax.main --config=configs/dsa_fashion_mnist.py:ipc=10
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('dsa', 'fashion_mnist')
