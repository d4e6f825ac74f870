"""Cases that the tests of kernels share."""

from __future__ import annotations

import jax

from rdd_jax import kernels

KEY = jax.random.key(0)


W, B = 1.3, 0.4


IMAGES = jax.random.normal(KEY, (5, 4, 4, 2))


OTHERS = jax.random.normal(jax.random.key(1), IMAGES.shape)  # one program


FLAT, FLAT_OTHERS = IMAGES.reshape(5, -1), OTHERS.reshape(5, -1)


CONVOLUTIONAL = {
  'plain': {},
  'global': {'global_pool': True},
  'halve': {'halve': True},
  'halve_global': {'halve': True, 'global_pool': True},
}


ALL = {
  'fully_connected': kernels.fully_connected(2, W, B),
  **{k: kernels.convolutional(2, W, B, **o) for k, o in CONVOLUTIONAL.items()},
}


TWO = ('fully_connected', 'halve_global')  # the plainest, and all at once
