"""FRePo: neural feature regression with pooling, on the embedded digits.

Zhou, Nezhadarya and Ba, NeurIPS 2022, https://arxiv.org/abs/2206.00719

python -m rdd_jax.main --config=configs/frepo_digits.py:ipc=1

No setting is published for these; this one is ours, for seconds on a CPU.

Measured, one distillation x 3 networks, last step: 87.4 ± 2.6 (random
real 66.5 ± 1.7, herding 80.8 ± 2.8). ipc=10, 3 x 3: 98.0 ± 0.7
(random real 94.8 ± 0.9, herding 95.9 ± 0.6).

Arguments: ipc, seed, seeds, width, steps, noise, smoke.
"""

from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import regression


def get_config(arg: str = '') -> Config:
  """The setting, changed by `arg`."""
  return regression.frepo('digits', arg)
