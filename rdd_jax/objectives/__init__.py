"""Matching objectives, one file to a family."""

from rdd_jax.objectives.base import Objective
from rdd_jax.objectives.by_group import by_group
from rdd_jax.objectives.distribution import distribution_matching
from rdd_jax.objectives.gradient import gradient_matching
from rdd_jax.objectives.online_trajectory import online_trajectory_matching
from rdd_jax.objectives.regression.base import regression_matching
from rdd_jax.objectives.regression.frepo import MarginLoss, frepo
from rdd_jax.objectives.regression.kip import kip
from rdd_jax.objectives.regression.pool import pool
from rdd_jax.objectives.regression.rcig import rcig
from rdd_jax.objectives.regression.rfad import rfad
from rdd_jax.objectives.trajectory import Segment, Starts, trajectory_matching
from rdd_jax.objectives.unrolled import unrolled
from rdd_jax.training.inner import Inner

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
