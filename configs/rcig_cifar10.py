"""RCIG: convexified implicit gradients, on CIFAR-10.

Paper: Loo, Hasani, Lechner and Rus, ICML 2023, https://arxiv.org/abs/2302.06755

The published setting, but for the weight decay, which is relative; for a GPU.
On one, 1,480 steps and not 10,000, ipc=1, one distillation, three networks
without normalisation, last step: 39.7 ± 1.1 (random real 17.3 ± 0.3). The paper
has 53.9, at full length. With ipc=10, 835 steps, one network with batch norm:
54.4 (random real 37.4 ± 0.1); the paper has 69.1.

Not run: no measurement yet.

python -m rdd_jax.main --config=configs/rcig_cifar10.py:ipc=10
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('rcig', 'cifar10')
