"""Robustness methods as transforms, one file to a paper."""

from rdd_jax.robust.cvar import balance, tilt
from rdd_jax.robust.elr import clean_first
from rdd_jax.robust.known import oracle
from rdd_jax.robust.poe import expose_outliers, oe
from rdd_jax.robust.tad import divert

__all__ = [
  'balance',
  'clean_first',
  'divert',
  'expose_outliers',
  'oe',
  'oracle',
  'tilt',
]
