"""TAD (a reconstruction) on CIFAR-100 with wrong labels.

Paper: Wu et al., https://arxiv.org/abs/2502.05027; see
rdd_jax/robust/label_noise/tad.py for what is known

Measured: labels alone, one draw of the noise, wrong in what is handed on (right
rows that are trusted), per cent: symmetric-0.4 7.2 (80.4; two draws),
asymmetric-0.4 11.6 (79.1), instance-0.4 8.0 (82.0); `cleanlab` 16.2 (67.4),
30.7 (50.5), 16.8 (64.9). Not distilled with yet. Recorded at commit fc7dc08.

python -m rdd_jax.main --config=configs/tad_cifar100.py:noise=symmetric-0.4
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('tad', 'cifar100', noise='symmetric-0.4')
