"""TAD (a reconstruction) on Tiny-ImageNet with wrong labels.

Paper: Wu et al., https://arxiv.org/abs/2502.05027; see
rdd_jax/robust/label_noise/tad.py for what is known

Not run: no measurement yet.

python -m rdd_jax.main --config=configs/tad_tiny_imagenet.py:noise=symmetric-0.4
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('tad', 'tiny_imagenet', noise='symmetric-0.4')
