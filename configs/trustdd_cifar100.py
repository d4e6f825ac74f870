"""TrustDD on CIFAR-100: networks that know what they do not know.

Paper: Ma et al., https://arxiv.org/abs/2307.09165; see
rdd_jax/robust/ood/poe.py

Measured: shortened, on a CPU (ipc=2,width=32,steps=150, families=core;
docs/results/ood.md has the command): accuracy 10.7 ± 0.8 with outliers on the
fly, 10.8 ± 0.4 without; AUROC by energy on Tiny-ImageNet 59.7 ± 0.9 and
56.5 ± 0.8, on CIFAR-10 47.5 ± 1.2 and 51.0 ± 0.7 (3 distillations x 2
networks). Recorded at commit b14486c.

python -m rdd_jax.main --config=configs/trustdd_cifar100.py:outliers=poe
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('trustdd', 'cifar100')
