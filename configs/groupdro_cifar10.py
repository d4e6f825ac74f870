"""Group DRO on CIFAR-10: no subgroup left behind.

Vahidian et al., arXiv 2402.04676; see rdd_jax/robust/groups/cvar.py.

python -m rdd_jax.main --config=configs/groupdro_cifar10.py:rare=line-0.1

Groups that are found without being named, in equal shares of what is matched;
the paper's form is method=dsa,risk=cvar.

Arguments: ipc, seed, seeds, width, steps, noise, smoke; and method (dm, dc,
dsa, idc, mtt, datm, ratbptt, kip, frepo, rfad, rcig), rare (see
rdd_jax.data.rarefy), groups (known, found, kmeans, voronoi, errors, misread,
sparse, difficult), risk (equal, none, cvar, mean, worst, entropic, chi_square,
dro), by (draws, weights, matching, training), trained, tail, clusters and
memory.
"""

from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import groups


def get_config(arg: str = '') -> Config:
  """A method that serves rare groups, changed by `arg`."""
  return groups.groupdro('cifar10', arg)
