"""Robustness methods as transforms, one file to a paper."""

from rdd_jax.robust.cvar import balance, tilt
from rdd_jax.robust.poe import expose_outliers

__all__ = ['balance', 'expose_outliers', 'tilt']
