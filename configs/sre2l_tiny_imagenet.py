"""SRe2L: images recovered from a teacher, on Tiny ImageNet.

Paper: Yin et al., NeurIPS 2023, https://arxiv.org/abs/2306.13092

Settings of the released code, of ResNet-18, whose numbers are of ipc=50 and
100: rdd_jax/config/presets/large.py. For a GPU.

Not run: no measurement yet.

python -m rdd_jax.main --config=configs/sre2l_tiny_imagenet.py:labels=teacher
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('sre2l', 'tiny_imagenet')
