"""Robust dataset distillation in JAX."""

from rdd_jax.artefact import load

__all__ = ['load']
