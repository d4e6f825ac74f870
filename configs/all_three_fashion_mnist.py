"""Wrong labels, foreign inputs and rare groups at once, on fashion_mnist.

TAD (a reconstruction), TrustDD, Group DRO: rdd_jax/config/presets/all_three.py.

python -m rdd_jax.main --config=configs/all_three_fashion_mnist.py

Measured, shortened (14 x 14, 300 DM steps, width 32; README has the command):
over plain, accuracy +5.6, rare group +8.2, AUROC by MSP +16.0 points; balanced
groups alone gain the rare group 12.2, TrustDD alone AUROC 16.1, and TAD alone
loses 2.3 of accuracy (3 distillations x 2 networks, last step).

The run goes beside the plain method and each paper alone, in one table;
variants=false leaves these out.

Arguments: ipc, seed, seeds, width, steps, noise, smoke; method (dm, dc, dsa,
idc, mtt, datm, ratbptt, kip, frepo, rfad, rcig), defence, outliers, loss,
families, slots, rare, groups, risk, by, trained, tail, clusters, memory, as the
tad, trustdd and groupdro configurations take them; and variants.
"""

from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import all_three


def get_config(arg: str = '') -> Config:
  """A method and what protects it from all three, changed by `arg`."""
  return all_three.all_three(
    'fashion_mnist', arg, noise='symmetric-0.4', rare='patch-0.1'
  )
