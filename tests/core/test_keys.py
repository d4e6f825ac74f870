"""Numbers by key."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax.core import keys


@pytest.mark.parametrize('shape', [(), (7,), (2, 3), (3, 3, 4, 5), (0, 2)])
def test_numbers_are_those_of_jax(shape):
  key = jax.random.key(0)
  np.testing.assert_array_equal(
    keys.normal(key, shape), jax.random.normal(key, shape)
  )
  np.testing.assert_array_equal(
    keys.uniform(key, shape, jnp.float32, -0.3, 2.0),
    jax.random.uniform(key, shape, jnp.float32, -0.3, 2.0),
  )


def test_numbers_are_those_of_jax_for_many_keys():
  many = jax.random.split(jax.random.key(0), 3)
  shape = (2, 4, 1)
  np.testing.assert_array_equal(
    jax.vmap(lambda key: keys.normal(key, shape))(many),
    jax.vmap(lambda key: jax.random.normal(key, shape))(many),
  )
