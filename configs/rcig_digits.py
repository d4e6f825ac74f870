"""RCIG: convexified implicit gradients, on the embedded digits.

Paper: Loo, Hasani, Lechner and Rus, ICML 2023, https://arxiv.org/abs/2302.06755

No setting is published for these; this one is ours, for minutes on a CPU.

Measured: one distillation x 3 networks, last step: 93.7 ± 1.7 (random real 66.5
± 1.7, herding 80.8 ± 2.8). Recorded at commit f44d27d.

python -m rdd_jax.main --config=configs/rcig_digits.py:ipc=1
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('rcig', 'digits')
