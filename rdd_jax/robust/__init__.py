"""Robustness methods as transforms, one file to a paper or an idea."""

from rdd_jax.robust.balance import balance
from rdd_jax.robust.cvar import tilt
from rdd_jax.robust.dro import exponentiated
from rdd_jax.robust.elr import clean_first
from rdd_jax.robust.groups import regroup
from rdd_jax.robust.known import oracle
from rdd_jax.robust.lff import relative_difficulty
from rdd_jax.robust.poe import expose_outliers, oe
from rdd_jax.robust.tad import divert
from rdd_jax.robust.voronoi import voronoi

__all__ = [
  'balance',
  'clean_first',
  'divert',
  'exponentiated',
  'expose_outliers',
  'oe',
  'oracle',
  'regroup',
  'relative_difficulty',
  'tilt',
  'voronoi',
]
