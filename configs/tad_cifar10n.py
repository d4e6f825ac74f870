"""TAD (a reconstruction) on CIFAR-10N: labels that people gave.

Wu et al., arXiv 2502.05027; see rdd_jax/robust/tad.py for what is known of it.

python -m rdd_jax.main --config=configs/tad_cifar10n.py:noise=human-worse

Measured with human-worse, shortened (500 DM steps, width 32, 10 images per
class; README has the commands): 40.3 ± 0.7 (1 distillation x 3 networks, last
step), defence=none 31.4 ± 1.2 (3 x 3), defence=oracle 39.0 ± 1.2 (2 x 3).

Arguments: ipc, seed, seeds, width, steps, noise, smoke; and method (dm, dc,
dsa, idc, mtt, datm, ratbptt) and defence (tad, described, none, oracle, clean,
two_stage, small_loss).
"""

from rdd_jax import trust_presets
from rdd_jax.defaults import Config


def get_config(arg: str = '') -> Config:
  """A method on wrong labels, changed by `arg`."""
  return trust_presets.tad(
    'cifar10', arg, noise='human-worse', name='tad_cifar10n'
  )
