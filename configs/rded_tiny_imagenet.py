"""RDED: realistic crops, selected by a teacher, on Tiny ImageNet.

Paper: Sun et al., CVPR 2024, https://arxiv.org/abs/2312.03526

Settings of the released code, of ResNet-18; network=convnet,width=128 is its
ConvNet-4. Teachers train as SRe2L's: rdd_jax/config/presets/large.py. For a
GPU.

Not run: no measurement yet.

python -m rdd_jax.main --config=configs/rded_tiny_imagenet.py:labels=teacher
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('rded', 'tiny_imagenet')
