"""Group DRO on CelebA, with the groups that come with it.

Paper: Vahidian et al., https://arxiv.org/abs/2402.04676; see
rdd_jax/robust/groups/cvar.py

Liu et al. 2015: blond or not, in groups by sex, as Sagawa et al. 2020 have it;
celeba:celeba, the published directory with img_align_celeba/ and its lists,
below the one that runs start in. As TFDS prepares it:
--config.data.name=tfds:celeb_a.

Images of 64 x 64, our choice: no setting is published for distilled sets, and
this one has not been measured. Groups come with the data and have equal shares
of what is matched; groups=found does without them.

Not run: no measurement yet.

python -m rdd_jax.main --config=configs/groupdro_celeba.py
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('groupdro', 'celeba', rare='minority-0.25')
