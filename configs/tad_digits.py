"""TAD (a reconstruction) on the embedded digits with wrong labels.

Wu et al., arXiv 2502.05027; see
rdd_jax/robust/label_noise/tad.py for what is known.

python -m rdd_jax.main --config=configs/tad_digits.py:noise=asymmetric-0.4

Measured (3 distillations x 5 networks, one noise draw, last step; 69 s on two
CPU cores): 81.0 ± 3.8; defence=none 60.9 ± 4.5, described 84.6 ± 1.9, oracle
86.1 ± 1.9.

Arguments: ipc, seed, seeds, width, steps, noise, smoke; and method (dm, dc,
dsa, mtt, ratbptt, kip, frepo, rfad, rcig) and defence (tad, described, none,
oracle, clean, two_stage, small_loss).
"""

from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import label_noise


def get_config(arg: str = '') -> Config:
  """A method on wrong labels, changed by `arg`."""
  return label_noise.tad('digits', arg, noise='asymmetric-0.4')
