"""DATM: difficulty-aligned trajectory matching, on Tiny-ImageNet.

Paper: Guo et al., ICLR 2024, https://arxiv.org/abs/2310.05773

The published setting, for a GPU.

Not run: no measurement yet.

python -m rdd_jax.main --config=configs/datm_tiny_imagenet.py:ipc=10
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('datm', 'tiny_imagenet')
