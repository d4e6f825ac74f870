"""Wrong labels, foreign inputs and rare groups at once, on cifar10.

TAD (a reconstruction), TrustDD, Group DRO: rdd_jax/config/presets/all_three.py.

python -m rdd_jax.main --config=configs/all_three_cifar10.py

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
    'cifar10', arg, noise='symmetric-0.4', rare='patch-0.1'
  )
