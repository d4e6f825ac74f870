"""TAD (a reconstruction) on the embedded digits with wrong labels.

Wu et al., arXiv 2502.05027; see rdd_jax/robust/tad.py for what is known of it.

python -m rdd_jax.main --config=configs/tad_digits.py:noise=asymmetric-0.4

Measured, two busy CPU cores, 67 s with seeds=1 (5 networks, last step): 83.2 ±
1.6; defence=none 59.8 ± 3.3, defence=oracle 85.0 ± 2.8.

Arguments: ipc, seed, seeds, width, steps, noise, smoke; and defence (tad,
described, none, oracle, clean, two_stage, small_loss).
"""

from rdd_jax import trust_presets
from rdd_jax.defaults import Config


def get_config(arg: str = '') -> Config:
  """A method on wrong labels, changed by `arg`."""
  return trust_presets.tad('digits', arg, noise='asymmetric-0.4')
