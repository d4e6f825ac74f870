"""RaT-BPTT: random truncated back-propagation through time, on Tiny-ImageNet.

Paper: Feng et al., ICLR 2024, https://arxiv.org/abs/2311.07025

The published setting, for a GPU.

Not run: no measurement yet.

python -m rdd_jax.main --config=configs/ratbptt_tiny_imagenet.py:ipc=10
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('ratbptt', 'tiny_imagenet')
