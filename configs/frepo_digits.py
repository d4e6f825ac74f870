"""FRePo: neural feature regression with pooling, on the embedded digits.

Paper: Zhou, Nezhadarya and Ba, NeurIPS 2022, https://arxiv.org/abs/2206.00719

No setting is published for these; this one is ours, for seconds on a CPU.

Measured: one distillation x 3 networks, last step: 87.4 ± 2.6 (random real 66.5
± 1.7, herding 80.8 ± 2.8). ipc=10, 3 x 3: 98.0 ± 0.7 (random real 94.8 ± 0.9,
herding 95.9 ± 0.6). Recorded at commit f44d27d.

python -m rdd_jax.main --config=configs/frepo_digits.py:ipc=1
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('frepo', 'digits')
