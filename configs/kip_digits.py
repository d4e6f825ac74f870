"""KIP: kernel inducing points, on the embedded digits.

Paper: Nguyen, Chen and Lee, ICLR 2021, https://arxiv.org/abs/2011.00050

No setting is published for these; this one is ours, for seconds on a CPU.

Measured: labels=free, one distillation x 3 networks, last step: by the NTK 94.4
(herding 84.2), networks 71.9 ± 0.7 (herding, likewise evaluated, 80.8 ± 2.8).
ipc=10, 3 x 3: by the NTK 99.3 ± 0.2 (herding 95.4), networks 93.8 ± 2.0 (random
real 94.8 ± 0.9, herding 95.9 ± 0.6). Recorded at commit f44d27d.

python -m rdd_jax.main --config=configs/kip_digits.py:ipc=1
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('kip', 'digits')
