"""Distribution matching on the embedded digits: ten images stand for 1,297.

Zhao and Bilen, WACV 2023; see rdd_jax/objectives/distribution.py.

python -m rdd_jax.main --config=configs/dm_digits.py

Measured, two CPU cores, 40 s: 86.8 ± 1.5 per cent over 3 distillation x 5
network seeds, last step (random real 62.9 ± 3.2, herding 79.1 ± 1.8).

Arguments: ipc, seed, seeds, width, steps, noise, smoke.
"""

from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import digits


def get_config(arg: str = '') -> Config:
  """One image per class, seconds on two CPU cores."""
  return digits.dm(arg)
