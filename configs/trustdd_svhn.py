"""TrustDD on SVHN: networks that know what they do not know.

Paper: Ma et al., https://arxiv.org/abs/2307.09165; see
rdd_jax/robust/ood/poe.py

Not run: no measurement yet.

python -m rdd_jax.main --config=configs/trustdd_svhn.py:outliers=poe
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('trustdd', 'svhn')
