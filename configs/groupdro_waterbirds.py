"""Group DRO on Waterbirds, with the groups that come with it.

Vahidian et al., arXiv 2402.04676; see rdd_jax/robust/groups/cvar.py.

python -m rdd_jax.main --config=configs/groupdro_waterbirds.py

Sagawa et al. 2020: birds of land and water, of which one training bird in
twenty is in front of the other background; waterbirds:waterbirds, the published
directory with metadata.csv, below the one that runs start in.

Images of 64 x 64, our choice: no setting is published for distilled sets, and
this one has not been measured. Groups come with the data and have equal shares
of what is matched; groups=found does without them.

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
  return groups.groupdro('waterbirds', arg, rare='minority-0.25')
