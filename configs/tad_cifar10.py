"""TAD (a reconstruction) on CIFAR-10 with wrong labels.

Wu et al., arXiv 2502.05027; see
rdd_jax/robust/label_noise/tad.py for what is known.

python -m rdd_jax.main --config=configs/tad_cifar10.py:noise=symmetric-0.4

Only human labels have been measured here: see configs/tad_cifar10n.py.

Arguments: ipc, seed, seeds, width, steps, noise, smoke; and method (dm, dc,
dsa, idc, mtt, datm, ratbptt, kip, frepo, rfad, rcig) and defence (tad,
described, none, oracle, clean, two_stage, small_loss).
"""

from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import label_noise


def get_config(arg: str = '') -> Config:
  """A method on wrong labels, changed by `arg`."""
  return label_noise.tad('cifar10', arg, noise='symmetric-0.4')
