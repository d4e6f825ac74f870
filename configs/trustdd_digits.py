"""TrustDD on the embedded digits: networks that know what they do not know.

Ma et al., arXiv 2307.09165; see rdd_jax/robust/ood/poe.py.

python -m rdd_jax.main --config=configs/trustdd_digits.py:outliers=poe

Measured (on the fly, 3 distillations x 5 networks, last step): accuracy
86.5 ± 2.1, AUROC by MSP on far sets 88.8 ± 2.1. With one row of a class and no
augmentation, scores by Mahalanobis distance say nothing.

Arguments: ipc, seed, seeds, width, steps, noise, smoke; and method (dm, dc,
dsa, mtt, ratbptt, kip, frepo, rfad, rcig), outliers (on_the_fly, poe, sampled,
none, double_ipc, oe:SOURCE), loss (reject, uniform, energy), families (core,
flat, released) and slots.
"""

from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import ood


def get_config(arg: str = '') -> Config:
  """A method with outliers, changed by `arg`."""
  return ood.trustdd('digits', arg)
