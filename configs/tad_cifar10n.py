"""TAD (a reconstruction) on CIFAR-10N: labels that people gave.

Paper: Wu et al., https://arxiv.org/abs/2502.05027; see
rdd_jax/robust/label_noise/tad.py for what is known

Measured: with human-worse, width 32, 500 DM steps of 20,000, 10 images per
class, last step: 39.4 ± 1.0, none 31.4 ± 0.7, confident 39.2 ± 0.8, oracle 38.6
± 0.9, clean 38.1 ± 1.2 (5 distillations x 3 networks;
docs/results/label_noise.md has the command). On one H200, width 128 and 1000
steps, at commit f44d27d: tad_fixed 47.9 ± 0.5, none 43.2 ± 0.4, oracle 48.7 ±
0.8. Recorded at commit 2e9e251.

python -m rdd_jax.main --config=configs/tad_cifar10n.py:noise=human-worse
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('tad', 'cifar10', noise='human-worse', name='tad_cifar10n')
