"""DATM: difficulty-aligned trajectory matching, on Fashion-MNIST.

Paper: Guo et al., ICLR 2024, https://arxiv.org/abs/2310.05773

No setting is published for this data set: that of CIFAR-10, without ZCA; for a
GPU.

Measured: two shared CPU cores, shortened to width 32, 3 flat experts that keep
a snapshot every 40 SGD steps, students of 10 steps, 150 segments and 300 epochs
of evaluation (docs/results/standard.md has the command), ipc=10, 1 distillation
x 3 network seeds, last step: 78.8 ± 0.2 (random real, likewise evaluated, 74.9
± 0.7). Recorded at commit f44d27d.

python -m rdd_jax.main --config=configs/datm_fashion_mnist.py:ipc=10
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('datm', 'fashion_mnist')
