"""RCIG: convexified implicit gradients, on the embedded digits.

Loo, Hasani, Lechner and Rus, ICML 2023, https://arxiv.org/abs/2302.06755

python -m rdd_jax.main --config=configs/rcig_digits.py:ipc=1

No setting is published for these; this one is ours, for minutes on a CPU.

Measured, one distillation x 3 networks, last step: 93.7 ± 1.7 (random real
66.5 ± 1.7, herding 80.8 ± 2.8).

Arguments: ipc, seed, seeds, width, steps, noise, smoke.
"""

from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import regression


def get_config(arg: str = '') -> Config:
  """The setting, changed by `arg`."""
  return regression.rcig('digits', arg)
