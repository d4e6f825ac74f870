"""DSA: gradient matching under Siamese augmentation, on SVHN.

Paper: Zhao and Bilen, ICML 2021, https://arxiv.org/abs/2102.08259

The published setting, for a GPU.

Not run: no measurement yet.

python -m rdd_jax.main --config=configs/dsa_svhn.py:ipc=10
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('dsa', 'svhn')
