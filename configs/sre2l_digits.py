"""SRe2L: images recovered from a teacher, on the embedded digits.

Paper: Yin et al., NeurIPS 2023, https://arxiv.org/abs/2306.13092

Not run: no measurement yet.

python -m rdd_jax.main --config=configs/sre2l_digits.py
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('sre2l', 'digits')
