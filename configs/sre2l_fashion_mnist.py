"""SRe2L: images recovered from a teacher, on Fashion-MNIST.

Paper: Yin et al., NeurIPS 2023, https://arxiv.org/abs/2306.13092

No setting is published for this data set: that of CIFAR-100; for a GPU.

Measured: shortened, at width 32 with a teacher of 5 epochs: 35.7 ± 0.6 under
hard labels (random rows 73.0 ± 0.7), 78.3 ± 1.1 under the teacher of RDED's
recipe (random rows 81.7 ± 0.5); 1 distillation x 3 networks,
docs/results/decoupled.md. Recorded at commit d71d455.

python -m rdd_jax.main --config=configs/sre2l_fashion_mnist.py:labels=teacher
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('sre2l', 'fashion_mnist')
