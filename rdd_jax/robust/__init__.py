"""Robustness methods as transforms, one file to a paper or an idea."""

from typing import TYPE_CHECKING

from rdd_jax.core import lazy

if TYPE_CHECKING:
  from rdd_jax.robust.groups.balance import balance
  from rdd_jax.robust.groups.cvar import tilt
  from rdd_jax.robust.groups.discover import regroup
  from rdd_jax.robust.groups.group_dro import exponentiated
  from rdd_jax.robust.groups.lff import relative_difficulty
  from rdd_jax.robust.groups.voronoi import voronoi
  from rdd_jax.robust.label_noise.confident import confident_learning
  from rdd_jax.robust.label_noise.elr import clean_first
  from rdd_jax.robust.label_noise.oracle import oracle
  from rdd_jax.robust.label_noise.tad import trust_aware
  from rdd_jax.robust.label_noise.tad_fixed import divert
  from rdd_jax.robust.ood.poe import expose_outliers, oe

__all__ = [
  'balance',
  'clean_first',
  'confident_learning',
  'divert',
  'exponentiated',
  'expose_outliers',
  'oe',
  'oracle',
  'regroup',
  'relative_difficulty',
  'tilt',
  'trust_aware',
  'voronoi',
]

__getattr__ = lazy.attach(
  __name__,
  {
    'groups.balance': ('balance',),
    'groups.cvar': ('tilt',),
    'groups.discover': ('regroup',),
    'groups.group_dro': ('exponentiated',),
    'groups.lff': ('relative_difficulty',),
    'groups.voronoi': ('voronoi',),
    'label_noise.confident': ('confident_learning',),
    'label_noise.elr': ('clean_first',),
    'label_noise.oracle': ('oracle',),
    'label_noise.tad': ('trust_aware',),
    'label_noise.tad_fixed': ('divert',),
    'ood.poe': ('expose_outliers', 'oe'),
  },
)
