"""Group DRO on Fashion-MNIST: no subgroup left behind.

Vahidian et al., arXiv 2402.04676; see rdd_jax/robust/groups/cvar.py.

python -m rdd_jax.main --config=configs/groupdro_fashion_mnist.py:rare=line-0.1

Groups that are found without being named, in equal shares of what is matched;
the paper's form is method=dsa,risk=cvar.

Measured with rare=patch-0.1, shortened (14 x 14, 300 DM steps, width 32; README
has the command): rare group 73.2 ± 1.3, with groups=known 71.2 ± 1.3, risk=none
54.6 ± 2.2, herding 59.3 ± 2.1 (5 distillations x 2 networks, last step).

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
  return groups.groupdro('fashion_mnist', arg)
