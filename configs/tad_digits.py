"""TAD (a reconstruction) on the embedded digits with wrong labels.

Paper: Wu et al., https://arxiv.org/abs/2502.05027; see
rdd_jax/robust/label_noise/tad.py for what is known

Measured: 3 distillations x 5 networks, one noise draw, last step; 52 s on two
CPU cores: 86.1 ± 1.9; at commit f44d27d defense=none 60.9 ± 4.5, tad_fixed 81.0
± 3.8, described 84.6 ± 1.9, oracle 86.1 ± 1.9. Recorded at commit 2e9e251.

python -m rdd_jax.main --config=configs/tad_digits.py:noise=asymmetric-0.4
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('tad', 'digits', noise='asymmetric-0.4')
