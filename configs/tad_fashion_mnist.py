"""TAD (a reconstruction) on Fashion-MNIST with wrong labels.

Paper: Wu et al., https://arxiv.org/abs/2502.05027; see
rdd_jax/robust/label_noise/tad.py for what is known

Measured: shortened (500 DM steps, width 32, 10 images per class;
docs/results/label_noise.md has the command): 40 % pair flips, defense=tad_fixed
79.3 ± 0.5 (3 distillations x 3 networks, last step), none 62.4 ± 1.0, oracle
80.1 ± 0.7; recorded at commit f44d27d. With 300 steps defense=tad 79.1 ± 0.4,
none 60.1 ± 1.5, oracle 78.8 ± 0.8; on labels as they are tad 79.5 ± 1.1, none
80.0 ± 0.8. Recorded at commit a26cb44.

python -m rdd_jax.main --config=configs/tad_fashion_mnist.py:noise=symmetric-0.4
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('tad', 'fashion_mnist', noise='symmetric-0.4')
