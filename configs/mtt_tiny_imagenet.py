"""MTT: matching training trajectories, on Tiny-ImageNet.

Paper: Cazenavette et al., CVPR 2022, https://arxiv.org/abs/2203.11932

The published setting, for a GPU.

Not run: no measurement yet.

python -m rdd_jax.main --config=configs/mtt_tiny_imagenet.py:ipc=10
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('mtt', 'tiny_imagenet')
