"""Group DRO on ImageNet-10: no subgroup left behind.

Vahidian et al., arXiv 2402.04676; see rdd_jax/robust/groups/cvar.py.

python -m rdd_jax.main --config=configs/groupdro_imagenet10.py:rare=line-0.1

Groups that are found without being named, in equal shares of what is matched;
the paper's form is method=dsa,risk=cvar.

The ten classes of IDC, in the order of its class file (452, 64, 374, 236, 993,
176, 882, 904, 503 and 74 of ImageNet-1k), as folder:imagenet10: below the
directory that runs start in, imagenet10/{train,val}/CLASS/*.JPEG. They are
resized to 128 x 128.

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
  return groups.groupdro('imagenet10', arg)
