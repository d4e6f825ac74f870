"""TAD (a reconstruction) on Fashion-MNIST with wrong labels.

Wu et al., arXiv 2502.05027; see
rdd_jax/robust/label_noise/tad.py for what is known.

python -m rdd_jax.main --config=configs/tad_fashion_mnist.py:noise=symmetric-0.4

Measured, shortened (500 DM steps, width 32, 10 images per class; README has the
commands): 40 % pair flips 79.3 ± 0.5 (3 distillations x 3 networks, last step),
defence=none 62.4 ± 1.0, defence=oracle 80.1 ± 0.7. On clean labels TAD costs 2
points.

Arguments: ipc, seed, seeds, width, steps, noise, smoke; and method (dm, dc,
dsa, idc, mtt, datm, ratbptt, kip, frepo, rfad, rcig) and defence (tad,
described, none, oracle, clean, two_stage, small_loss).
"""

from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import label_noise


def get_config(arg: str = '') -> Config:
  """A method on wrong labels, changed by `arg`."""
  return label_noise.tad('fashion_mnist', arg, noise='symmetric-0.4')
