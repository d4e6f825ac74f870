"""Wrong labels, OOD inputs and rare groups at once, on CIFAR-100.

Paper: TAD (a reconstruction), https://arxiv.org/abs/2502.05027; TrustDD,
https://arxiv.org/abs/2307.09165; Group DRO, https://arxiv.org/abs/2402.04676

The run goes beside the plain method and each paper alone, in one table;
variants=false leaves these out.

Not run: no measurement yet.

python -m rdd_jax.main --config=configs/all_three_cifar100.py
"""

from rdd_jax.config.presets.registry import preset

get_config = preset(
  'all_three', 'cifar100', noise='symmetric-0.4', rare='patch-0.1'
)
