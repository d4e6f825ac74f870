"""RDED: realistic crops, selected by a teacher, on the embedded digits.

Paper: Sun et al., CVPR 2024, https://arxiv.org/abs/2312.03526

Not run: no measurement yet.

python -m rdd_jax.main --config=configs/rded_digits.py
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('rded', 'digits')
