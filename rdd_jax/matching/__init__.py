"""Matching objectives, one file to a family."""

from rdd_jax.matching.distribution import distribution_matching
from rdd_jax.matching.gradient import gradient_matching
from rdd_jax.matching.inner import Inner
from rdd_jax.matching.objective import Objective

__all__ = [
  'Inner',
  'Objective',
  'distribution_matching',
  'gradient_matching',
]
