"""RFAD: random feature approximation, on CIFAR-10.

Paper: Loo, Hasani, Amini and Rus, NeurIPS 2022,
https://arxiv.org/abs/2210.12067

The published setting, but for the number of steps and the width, which are
ours; for a GPU.

Not run: no measurement yet.

python -m rdd_jax.main --config=configs/rfad_cifar10.py:ipc=10
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('rfad', 'cifar10')
