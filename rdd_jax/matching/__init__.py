"""Matching objectives, one file to a family."""

from rdd_jax.matching.by_group import by_group
from rdd_jax.matching.distribution import distribution_matching
from rdd_jax.matching.frepo import MarginLoss, frepo
from rdd_jax.matching.gradient import gradient_matching
from rdd_jax.matching.inner import Inner
from rdd_jax.matching.krr import kip, regression_matching
from rdd_jax.matching.objective import Objective
from rdd_jax.matching.online import online_trajectory_matching
from rdd_jax.matching.pool import pool
from rdd_jax.matching.rcig import rcig
from rdd_jax.matching.rfad import rfad
from rdd_jax.matching.trajectory import (
  Segment,
  Starts,
  trajectory_matching,
)
from rdd_jax.matching.unrolled import unrolled

__all__ = [
  'Inner',
  'MarginLoss',
  'Objective',
  'Segment',
  'Starts',
  'by_group',
  'distribution_matching',
  'frepo',
  'gradient_matching',
  'kip',
  'online_trajectory_matching',
  'pool',
  'rcig',
  'regression_matching',
  'rfad',
  'trajectory_matching',
  'unrolled',
]
