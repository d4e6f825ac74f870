"""DM: distribution matching, on Fashion-MNIST.

Paper: Zhao and Bilen, WACV 2023, https://arxiv.org/abs/2110.04181

Measured: two CPU cores, shortened to width 32, 1000 steps, 64 real rows and 300
epochs, ipc=10, 3 x 3 seeds, last step: 80.2 ± 0.6 (random real 73.8 ± 1.3,
herding 78.3 ± 0.5). Recorded at commit f44d27d.

python -m rdd_jax.main --config=configs/dm_fashion_mnist.py:ipc=10
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('dm', 'fashion_mnist')
