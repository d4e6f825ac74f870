"""TrustDD on CIFAR-10: networks that know what they do not know.

Paper: Ma et al., https://arxiv.org/abs/2307.09165; see
rdd_jax/robust/ood/poe.py

Measured: on one H200, shortened (1000 DM steps of 20,000, families=core;
docs/results/ood.md has the command and all sets): accuracy 50.3 ± 0.5 with
outliers on the fly, 48.0 ± 0.5 without; mean AUROC by MSP on MNIST,
Tiny-ImageNet and patches 68.9 ± 1.5 and 61.3 ± 2.4, though MNIST alone falls
from 63.6 to 40.7 (3 distillations x 2 networks). At width 32 on a CPU, that
mean is 52.6 plain, 63.2 with families=core and 67.5 with families=flat, the
default here; by the combined score (at commit b14486c), 84.9 ± 4.8 plain and
84.6 ± 3.8 with families=core on MNIST, Fashion-MNIST and patches (5
distillations x 2 networks). Recorded at commit f44d27d.

python -m rdd_jax.main --config=configs/trustdd_cifar10.py:outliers=poe
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('trustdd', 'cifar10')
