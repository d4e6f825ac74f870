"""TAD (a reconstruction) on CIFAR-100N: labels that people gave.

Paper: Wu et al., https://arxiv.org/abs/2502.05027; see
rdd_jax/robust/label_noise/tad.py for what is known

Not run: no measurement yet.

python -m rdd_jax.main --config=configs/tad_cifar100n.py:noise=human-noisy
"""

from rdd_jax.config.presets.registry import preset

get_config = preset(
  'tad', 'cifar100', noise='human-noisy', name='tad_cifar100n'
)
