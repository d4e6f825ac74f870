"""Wrong labels, OOD inputs and rare groups at once, on the embedded digits.

Paper: TAD (a reconstruction), https://arxiv.org/abs/2502.05027; TrustDD,
https://arxiv.org/abs/2307.09165; Group DRO, https://arxiv.org/abs/2402.04676

The run goes beside the plain method and each paper alone, in one table;
variants=false leaves these out.

Measured: 2 distillations x 3 networks (seeds=2 --config.evaluation.seeds=3),
last step: accuracy 84.5 ± 2.6, plain 56.8 ± 3.6; rare group 84.6 ± 3.3, plain
50.8 ± 4.3; AUROC by MSP 92.0 ± 1.1, plain 73.0 ± 6.4; ECE 19.0 ± 2.3, after
scaling 3.9 ± 1.0. Recorded at commit e682e54.

python -m rdd_jax.main --config=configs/all_three_digits.py
"""

from rdd_jax.config.presets.registry import preset

get_config = preset(
  'all_three', 'digits', noise='asymmetric-0.4', rare='line-0.1'
)
