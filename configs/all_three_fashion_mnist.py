"""Wrong labels, OOD inputs and rare groups at once, on Fashion-MNIST.

Paper: TAD (a reconstruction), https://arxiv.org/abs/2502.05027; TrustDD,
https://arxiv.org/abs/2307.09165; Group DRO, https://arxiv.org/abs/2402.04676

The run goes beside the plain method and each paper alone, in one table;
variants=false leaves these out.

Measured: with defense=tad_fixed, shortened (14 x 14, 300 DM steps, width 32;
docs/results/all_three.md has the command): accuracy over plain +5.6, rare group
+8.2, AUROC by MSP +16.0 points; DRO alone gains the rare group 12.2, TrustDD
alone AUROC 16.1, and TAD alone loses 2.3 of accuracy (3 distillations x 2
networks, last step). Recorded at commit f44d27d.

python -m rdd_jax.main --config=configs/all_three_fashion_mnist.py
"""

from rdd_jax.config.presets.registry import preset

get_config = preset(
  'all_three', 'fashion_mnist', noise='symmetric-0.4', rare='patch-0.1'
)
