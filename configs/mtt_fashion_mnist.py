"""MTT: matching training trajectories, on Fashion-MNIST.

Paper: Cazenavette et al., CVPR 2022, https://arxiv.org/abs/2203.11932

No setting is published for this data set: that of CIFAR-10, without ZCA; for a
GPU.

Measured: one shared CPU core, shortened to width 32, 4 experts that keep a
snapshot every 40 SGD steps, students of 10 steps, 300 segments and 300 epochs
of evaluation (docs/results/standard.md has the command), ipc=10, 3 distillation
x 3 network seeds, last step: 80.7 ± 0.5 (random real 73.8 ± 1.2). Recorded at
commit f44d27d.

python -m rdd_jax.main --config=configs/mtt_fashion_mnist.py:ipc=10
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('mtt', 'fashion_mnist')
