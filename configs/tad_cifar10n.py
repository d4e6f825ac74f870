"""TAD (a reconstruction) on CIFAR-10N: labels that people gave.

Paper: Wu et al., https://arxiv.org/abs/2502.05027; see
rdd_jax/robust/label_noise/tad.py for what is known

Measured: on one H200 with human-worse, shortened (1000 DM steps of 20,000, 10
images per class; README has the command): defense=tad_fixed 47.9 ± 0.5, none
43.2 ± 0.4, oracle 48.7 ± 0.8 (3 distillations x 2 networks, last step); tad on
labels alone, see README. Recorded at commit f44d27d.

python -m rdd_jax.main --config=configs/tad_cifar10n.py:noise=human-worse
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('tad', 'cifar10', noise='human-worse', name='tad_cifar10n')
