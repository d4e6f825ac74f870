"""TAD (a reconstruction) on CIFAR-100 with wrong labels.

Paper: Wu et al., https://arxiv.org/abs/2502.05027; see
rdd_jax/robust/label_noise/tad.py for what is known

Measured: labels alone, two draws of the noise (one of instance), wrong in what
is handed on (right rows that are trusted), per cent: symmetric-0.4 7.0 (80.2),
asymmetric-0.4 11.4 (74.0), instance-0.4 7.6 (81.6); `cleanlab` 16.2 (67.4),
30.7 (50.5), 16.8 (64.9). Not distilled with yet. Recorded at commit 2e9e251.

python -m rdd_jax.main --config=configs/tad_cifar100.py:noise=symmetric-0.4
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('tad', 'cifar100', noise='symmetric-0.4')
