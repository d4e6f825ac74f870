"""TrustDD on Fashion-MNIST: networks that know what they do not know.

Paper: Ma et al., https://arxiv.org/abs/2307.09165; see
rdd_jax/robust/ood/poe.py

Measured: shortened (500 DM steps, width 32, 10 images per class;
docs/results/ood.md has the command and all choices): AUROC by MSP on far sets
98.1 ± 0.3 with outliers on the fly, 96.9 ± 0.6 with poe and 85.0 ± 1.4 without;
accuracy 80.2, 80.1 and 80.2 (3 distillations x 3 networks, last step). Recorded
at commit f44d27d.

python -m rdd_jax.main --config=configs/trustdd_fashion_mnist.py:outliers=poe
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('trustdd', 'fashion_mnist')
