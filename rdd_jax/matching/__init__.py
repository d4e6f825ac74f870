"""Matching objectives, one file to a family."""

from rdd_jax.matching.by_group import by_group
from rdd_jax.matching.distribution import distribution_matching
from rdd_jax.matching.gradient import gradient_matching
from rdd_jax.matching.inner import Inner
from rdd_jax.matching.objective import Objective
from rdd_jax.matching.trajectory import (
  Segment,
  Starts,
  online_trajectory_matching,
  trajectory_matching,
)
from rdd_jax.matching.unrolled import unrolled

__all__ = [
  'Inner',
  'Objective',
  'Segment',
  'Starts',
  'by_group',
  'distribution_matching',
  'gradient_matching',
  'online_trajectory_matching',
  'trajectory_matching',
  'unrolled',
]
