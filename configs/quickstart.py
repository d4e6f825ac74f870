"""Quickstart: ten images, against wrong labels, OOD inputs, rare groups.

Paper: TAD (a reconstruction), https://arxiv.org/abs/2502.05027; TrustDD,
https://arxiv.org/abs/2307.09165; Group DRO, https://arxiv.org/abs/2402.04676

Distribution matching (Zhao and Bilen, WACV 2023) on scikit-learn's embedded 8x8
digits, one image for each class. Four in ten training labels are wrong, a
bright line goes along with the class in nine of ten rows, and networks are
judged on what is no digit as well: plain, with each paper alone, and with all.

Measured: 2 distillations x 3 networks, last step; 53 s on two CPU cores:
accuracy 85.3 ± 2.1, plain 55.0 ± 3.3; rare group 85.9 ± 2.8, plain 50.7 ± 4.7;
AUROC by MSP 94.1 ± 1.5, plain 73.4 ± 5.3; ECE 47.9 ± 1.7, after scaling 3.7 ±
0.4. Recorded at commit 56545c3.

python -m rdd_jax.main --config=configs/quickstart.py
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('quickstart', 'digits')
