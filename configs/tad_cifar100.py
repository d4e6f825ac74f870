"""TAD (a reconstruction) on CIFAR-100 with wrong labels.

Paper: Wu et al., https://arxiv.org/abs/2502.05027; see
rdd_jax/robust/label_noise/tad.py for what is known

Not run: no measurement yet.

python -m rdd_jax.main --config=configs/tad_cifar100.py:noise=symmetric-0.4
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('tad', 'cifar100', noise='symmetric-0.4')
