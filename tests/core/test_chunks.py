"""What is computed in chunks is what is computed at once."""

from __future__ import annotations

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax.core.chunks import in_chunks


@pytest.mark.parametrize('on_host', [False, True])
@pytest.mark.parametrize('size', [1, 3, 4, 7, 100])
@pytest.mark.parametrize('n', [1, 3, 7, 8])
def test_chunks_equal_the_whole(n: int, size: int, on_host: bool):
  traced = []

  @jax.jit
  def fn(tree):
    traced.append(1)
    return {'square': tree['x'] ** 2, 'both': tree['x'][:, 0] + tree['y']}

  def call(tree):
    return jax.device_get(fn(tree)) if on_host else fn(tree)

  rng = np.random.default_rng(n)
  tree = {'x': rng.normal(size=(n, 2)).astype('f'), 'y': jnp.arange(n) * 1.0}
  found = in_chunks(call, tree, size)
  assert len(traced) == 1
  chex.assert_trees_all_equal(found, fn(tree))
  kind = np.ndarray if on_host else jax.Array
  assert all(isinstance(leaf, kind) for leaf in found.values())


@pytest.mark.parametrize('size', [1, 2, 5, 9])
def test_rows_of_results_may_stand_along_another_axis(size: int):
  x = np.arange(10.0).reshape(5, 2)
  found = in_chunks(lambda part: np.stack([part, -part]), x, size, axis=1)
  np.testing.assert_array_equal(found, np.stack([x, -x]))


def test_functions_see_chunks_of_one_size_alone():
  seen = []
  in_chunks(lambda x: seen.append(x.tolist()) or x, np.arange(5), 2)
  assert seen == [[0, 1], [2, 3], [4, 4]]
