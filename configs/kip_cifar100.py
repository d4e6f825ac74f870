"""KIP: kernel inducing points, on CIFAR-100.

Paper: Nguyen, Chen and Lee, ICLR 2021, https://arxiv.org/abs/2011.00050

The published setting, but for the number of steps, which is ours; for a GPU.

Not run: no measurement yet.

python -m rdd_jax.main --config=configs/kip_cifar100.py:ipc=10
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('kip', 'cifar100')
