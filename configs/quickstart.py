"""Quickstart: ten images that stand for 1,297.

Distribution matching (Zhao and Bilen, WACV 2023) on scikit-learn's embedded
8x8 digits, one image for each class.

python -m rdd_jax.main --config=configs/quickstart.py

Arguments: ipc, seed, seeds, width, steps, smoke.
"""

from rdd_jax import presets
from rdd_jax.defaults import Config


def get_config(arg: str = '') -> Config:
  """One image per class, seconds on two CPU cores."""
  return presets.quickstart(arg)
