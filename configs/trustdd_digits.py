"""TrustDD on the embedded digits: networks that know what they do not know.

Paper: Ma et al., https://arxiv.org/abs/2307.09165; see
rdd_jax/robust/ood/poe.py

Measured: on the fly, 3 distillations x 5 networks, last step: accuracy 86.5 ±
2.1, AUROC by MSP on far sets 88.8 ± 2.1. With one row of a class and no
augmentation, scores by Mahalanobis distance say nothing. Recorded at commit
f44d27d.

python -m rdd_jax.main --config=configs/trustdd_digits.py:outliers=poe
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('trustdd', 'digits')
