"""Your own images: doubtful labels found, a small set distilled and judged.

Paper: TAD (a reconstruction), https://arxiv.org/abs/2502.05027; TrustDD,
https://arxiv.org/abs/2307.09165; Group DRO, https://arxiv.org/abs/2402.04676

Not run: on your data by you; docs/results/labels_alone.md says what to expect.

python -m rdd_jax.main --config=configs/own.py:data=folder:PHOTOS
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('own', 'own')
