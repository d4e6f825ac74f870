"""TAD (a reconstruction) on CIFAR-10N: labels that people gave.

Wu et al., arXiv 2502.05027; see
rdd_jax/robust/label_noise/tad.py for what is known.

python -m rdd_jax.main --config=configs/tad_cifar10n.py:noise=human-worse

Measured on one H200 with human-worse, shortened (1000 DM steps of 20,000, 10
images per class; README has the command): 47.9 ± 0.5, defence=none 43.2 ± 0.4,
defence=oracle 48.7 ± 0.8 (3 distillations x 2 networks, last step).

Arguments: ipc, seed, seeds, width, steps, noise, smoke; and method (dm, dc,
dsa, idc, mtt, datm, ratbptt, kip, frepo, rfad, rcig) and defence (tad,
described, none, oracle, clean, two_stage, small_loss).
"""

from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import label_noise


def get_config(arg: str = '') -> Config:
  """A method on wrong labels, changed by `arg`."""
  return label_noise.tad(
    'cifar10', arg, noise='human-worse', name='tad_cifar10n'
  )
