"""Quickstart: ten images, against wrong labels, foreign inputs, rare groups.

Distribution matching (Zhao and Bilen, WACV 2023) on scikit-learn's embedded 8x8
digits, one image for each class. Four in ten training labels are wrong, a
bright line goes along with the class in nine of ten rows, and networks are
judged on what is no digit as well: plain, with each paper alone, and with all.

python -m rdd_jax.main --config=configs/quickstart.py

Arguments: ipc, seed, seeds, width, steps, noise, smoke; those of
all_three_digits; and full, with more seeds.
"""

from rdd_jax import all_presets
from rdd_jax.defaults import Config


def get_config(arg: str = '') -> Config:
  """One image per class, minutes on two CPU cores."""
  return all_presets.quickstart(arg)
