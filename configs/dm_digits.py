"""Distribution matching on the embedded digits: ten images stand for 1,297.

Paper: Zhao and Bilen, WACV 2023, https://arxiv.org/abs/2110.04181

Measured: two CPU cores, 40 s: 86.8 ± 1.5 per cent over 3 distillation x 5
network seeds, last step (random real 62.9 ± 3.2, herding 79.1 ± 1.8). Recorded
at commit f44d27d.

python -m rdd_jax.main --config=configs/dm_digits.py
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('dm', 'digits')
