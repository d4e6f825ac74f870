"""Quickstart: ten images, against wrong labels, foreign inputs, rare groups.

Distribution matching (Zhao and Bilen, WACV 2023) on scikit-learn's embedded 8x8
digits, one image for each class. Four in ten training labels are wrong, a
bright line goes along with the class in nine of ten rows, and networks are
judged on what is no digit as well: plain, with each paper alone, and with all.

python -m rdd_jax.main --config=configs/quickstart.py

Measured (2 distillations x 3 networks, last step; 166 s on two CPU cores):
accuracy 82.1 ± 1.8, plain 54.9 ± 3.4; rare group 82.6 ± 2.6, plain 50.5 ± 4.7;
AUROC by MSP 92.7 ± 1.8, plain 72.8 ± 5.4.

Arguments: ipc, seed, seeds, width, steps, noise, smoke; those of
all_three_digits; and full, with more seeds.
"""

from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import all_three


def get_config(arg: str = '') -> Config:
  """One image per class, minutes on two CPU cores."""
  return all_three.quickstart(arg)
