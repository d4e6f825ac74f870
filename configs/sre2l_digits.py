"""SRe2L: images recovered from a teacher, on the embedded digits.

Paper: Yin et al., NeurIPS 2023, https://arxiv.org/abs/2306.13092

Measured: 3 distillations x 5 networks, last step, ipc=10, labels=teacher: 91.8
± 1.1 (random rows, labeled likewise, 94.9 ± 0.9); labels=hard: 77.6 ± 2.0
(random rows 93.8 ± 1.2), at commit d71d455. Recorded at commit 111afad.

python -m rdd_jax.main --config=configs/sre2l_digits.py:ipc=10,labels=teacher
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('sre2l', 'digits')
