"""Robust dataset distillation in JAX."""

from rdd_jax.artifact.store import load

__all__ = ['load']
