"""TAD (a reconstruction) on CIFAR-100N: labels that people gave.

Wu et al., arXiv 2502.05027; see rdd_jax/robust/tad.py for what is known of it.

python -m rdd_jax.main --config=configs/tad_cifar100n.py:noise=human-noisy

It has not been measured yet.

Arguments: ipc, seed, seeds, width, steps, noise, smoke; and method (dm, dc,
dsa, idc, mtt, datm, ratbptt, kip, frepo, rfad, rcig) and defence (tad,
described, none, oracle, clean, two_stage, small_loss).
"""

from rdd_jax import trust_presets
from rdd_jax.defaults import Config


def get_config(arg: str = '') -> Config:
  """A method on wrong labels, changed by `arg`."""
  return trust_presets.tad(
    'cifar100', arg, noise='human-noisy', name='tad_cifar100n'
  )
