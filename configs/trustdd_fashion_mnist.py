"""TrustDD on Fashion-MNIST: networks that know what they do not know.

Ma et al., arXiv 2307.09165; see rdd_jax/robust/ood/poe.py.

python -m rdd_jax.main --config=configs/trustdd_fashion_mnist.py:outliers=poe

Measured, shortened (500 DM steps, width 32, 10 images per class; README has the
commands and all arms): AUROC by MSP on far sets 98.1 ± 0.3 with outliers on the
fly, 96.9 ± 0.6 with poe and 85.0 ± 1.4 without; accuracy 80.2, 80.1 and 80.2 (3
distillations x 3 networks, last step).

Arguments: ipc, seed, seeds, width, steps, noise, smoke; and method (dm, dc,
dsa, idc, mtt, datm, ratbptt, kip, frepo, rfad, rcig), outliers (on_the_fly,
poe, sampled, none, double_ipc, oe:SOURCE), loss (reject, uniform, energy),
families (core, flat, released) and slots.
"""

from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import ood


def get_config(arg: str = '') -> Config:
  """A method with outliers, changed by `arg`."""
  return ood.trustdd('fashion_mnist', arg)
