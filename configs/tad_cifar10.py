"""TAD (a reconstruction) on CIFAR-10 with wrong labels.

Paper: Wu et al., https://arxiv.org/abs/2502.05027; see
rdd_jax/robust/label_noise/tad.py for what is known

Human labels have been measured: see configs/tad_cifar10n.py.

Not run: no measurement yet.

python -m rdd_jax.main --config=configs/tad_cifar10.py:noise=symmetric-0.4
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('tad', 'cifar10', noise='symmetric-0.4')
