"""Group DRO on Waterbirds, with the groups that come with it.

Paper: Vahidian et al., https://arxiv.org/abs/2402.04676; see
rdd_jax/robust/groups/cvar.py

Sagawa et al. 2020: birds of land and water, of which one training bird in
twenty is in front of the other background; waterbirds:waterbirds, the published
directory with metadata.csv, below the one that runs start in.

Images of 64 x 64, our choice: no setting is published for distilled sets, and
this one has not been measured. Groups come with the data and have equal shares
of what is matched; groups=found does without them.

Not run: no measurement yet.

python -m rdd_jax.main --config=configs/groupdro_waterbirds.py
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('groupdro', 'waterbirds', rare='minority-0.25')
