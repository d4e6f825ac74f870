"""Kernels of neural networks, and ridge regression with them.

>>> import jax.numpy as jnp
>>> kernel = fully_connected(depth=1)
>>> kernel(jnp.ones((2, 3))).ntk.shape
(2, 2)
"""

from rdd_jax.kernels.blocks import blockwise
from rdd_jax.kernels.convolutional import convolutional
from rdd_jax.kernels.empirical import empirical_ntk, ntk_product, scalar_ntk
from rdd_jax.kernels.finite import (
  Finite,
  conjugate,
  finite_convolutional,
  finite_fully_connected,
)
from rdd_jax.kernels.fully_connected import fully_connected
from rdd_jax.kernels.kernel import Kernel, Kernels
from rdd_jax.kernels.ridge import Solution, fit, solve

__all__ = [
  'Finite',
  'Kernel',
  'Kernels',
  'Solution',
  'blockwise',
  'conjugate',
  'convolutional',
  'empirical_ntk',
  'finite_convolutional',
  'finite_fully_connected',
  'fit',
  'fully_connected',
  'ntk_product',
  'scalar_ntk',
  'solve',
]
