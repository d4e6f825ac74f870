"""TrustDD on CIFAR-10: networks that know what they do not know.

Ma et al., arXiv 2307.09165; see rdd_jax/robust/poe.py.

python -m rdd_jax.main --config=configs/trustdd_cifar10.py:outliers=poe

Measured, shortened (300 DM steps, width 32; README): AUROC by energy on patches
90.0 and Tiny-ImageNet 70.0 with outliers on the fly, 44.5 and 58.7 without, but
21.0 and 58.6 on MNIST. The published setting waits for a GPU.

Arguments: ipc, seed, seeds, width, steps, noise, smoke; and method (dm, dc,
dsa, idc, mtt, datm, ratbptt), outliers (on_the_fly, poe, sampled, none,
double_ipc, oe:SOURCE), loss (reject, uniform, energy), families (core,
released) and slots.
"""

from rdd_jax import outlier_presets
from rdd_jax.defaults import Config


def get_config(arg: str = '') -> Config:
  """A method with outliers, changed by `arg`."""
  return outlier_presets.trustdd('cifar10', arg)
