"""RFAD: random feature approximation, on the embedded digits.

Loo, Hasani, Amini and Rus, NeurIPS 2022, https://arxiv.org/abs/2210.12067

python -m rdd_jax.main --config=configs/rfad_digits.py:ipc=1

No setting is published for these; this one is ours, for minutes on a CPU.

Measured, one distillation x 3 networks, last step: by the NNGP with the
pooling of its networks 98.0 (herding 79.2), networks 73.7 ± 15.0 (80.8 ± 2.8).

Arguments: ipc, seed, seeds, width, steps, noise, smoke.
"""

from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import regression


def get_config(arg: str = '') -> Config:
  """The setting, changed by `arg`."""
  return regression.rfad('digits', arg)
