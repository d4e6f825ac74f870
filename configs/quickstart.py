"""Quickstart: ten images, against wrong labels, foreign inputs, rare groups.

Distribution matching (Zhao and Bilen, WACV 2023) on scikit-learn's embedded 8x8
digits, one image for each class. Four in ten training labels are wrong, a
bright line goes along with the class in nine of ten rows, and networks are
judged on what is no digit as well: plain, with each paper alone, and with all.

python -m rdd_jax.main --config=configs/quickstart.py

Measured (2 distillations x 3 networks, last step; 3 min on two CPU cores):
accuracy 82.5 ± 2.9, plain 56.4 ± 2.1; rare group 83.1 ± 2.9, plain 51.1 ± 2.4;
AUROC by MSP 93.4 ± 1.2, plain 72.5 ± 5.4.

Arguments: ipc, seed, seeds, width, steps, noise, smoke; those of
all_three_digits; and full, with more seeds.
"""

from rdd_jax import all_presets
from rdd_jax.defaults import Config


def get_config(arg: str = '') -> Config:
  """One image per class, minutes on two CPU cores."""
  return all_presets.quickstart(arg)
