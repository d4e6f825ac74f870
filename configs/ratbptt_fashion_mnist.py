"""RaT-BPTT: random truncated back-propagation through time, on Fashion-MNIST.

Paper: Feng et al., ICLR 2024, https://arxiv.org/abs/2311.07025

No setting is published for this data set: that of CIFAR-10, without ZCA; for a
GPU.

Measured: one shared CPU core, shortened to width 32, windows of 8 in students
of up to 30 steps, 150 steps from real images and 300 epochs of evaluation
(docs/results/standard.md has the command), ipc=10, 3 distillation x 3 network
seeds, last step: 80.2 ± 0.8 (random real, likewise evaluated, 73.3 ± 1.0).
Recorded at commit f44d27d.

python -m rdd_jax.main --config=configs/ratbptt_fashion_mnist.py:ipc=10
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('ratbptt', 'fashion_mnist')
