"""RFAD: random feature approximation, on the embedded digits.

Paper: Loo, Hasani, Amini and Rus, NeurIPS 2022,
https://arxiv.org/abs/2210.12067

No setting is published for these; this one is ours, for minutes on a CPU.

Measured: one distillation x 3 networks, last step: by the NNGP with the pooling
of its networks 98.0 (herding 79.2), networks 73.7 ± 15.0 (80.8 ± 2.8). Recorded
at commit f44d27d.

python -m rdd_jax.main --config=configs/rfad_digits.py:ipc=1
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('rfad', 'digits')
