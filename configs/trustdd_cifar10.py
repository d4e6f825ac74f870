"""TrustDD on CIFAR-10: networks that know what they do not know.

Ma et al., arXiv 2307.09165; see rdd_jax/robust/ood/poe.py.

python -m rdd_jax.main --config=configs/trustdd_cifar10.py:outliers=poe

Measured on one H200, shortened (1000 DM steps of 20,000, families=core; README
has the command and all sets): accuracy 50.3 ± 0.5 with outliers on the fly,
48.0 ± 0.5 without; mean AUROC by MSP on MNIST, Tiny-ImageNet and patches
68.9 ± 1.5 and 61.3 ± 2.4, though MNIST alone falls from 63.6 to 40.7 (3
distillations x 2 networks). At width 32 on a CPU, that mean is 52.6 plain, 63.2
with families=core and 67.5 with families=flat, the default here.

Arguments: ipc, seed, seeds, width, steps, noise, smoke; and method (dm, dc,
dsa, idc, mtt, datm, ratbptt, kip, frepo, rfad, rcig), outliers (on_the_fly,
poe, sampled, none, double_ipc, oe:SOURCE), loss (reject, uniform, energy),
families (core, flat, released) and slots.
"""

from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import ood


def get_config(arg: str = '') -> Config:
  """A method with outliers, changed by `arg`."""
  return ood.trustdd('cifar10', arg)
