"""TrustDD on CIFAR-100: networks that know what they do not know.

Ma et al., arXiv 2307.09165; see rdd_jax/robust/ood/poe.py.

python -m rdd_jax.main --config=configs/trustdd_cifar100.py:outliers=poe

Not measured yet for want of a GPU (launch/gpu_suite.py has pieces of it).

Arguments: ipc, seed, seeds, width, steps, noise, smoke; and method (dm, dc,
dsa, idc, mtt, datm, ratbptt, kip, frepo, rfad, rcig), outliers (on_the_fly,
poe, sampled, none, double_ipc, oe:SOURCE), loss (reject, uniform, energy),
families (core, flat, released) and slots.
"""

from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import ood


def get_config(arg: str = '') -> Config:
  """A method with outliers, changed by `arg`."""
  return ood.trustdd('cifar100', arg)
