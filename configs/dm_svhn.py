"""DM: distribution matching, on SVHN.

Paper: Zhao and Bilen, WACV 2023, https://arxiv.org/abs/2110.04181

The published setting, for a GPU.

Not run: no measurement yet.

python -m rdd_jax.main --config=configs/dm_svhn.py:ipc=10
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('dm', 'svhn')
