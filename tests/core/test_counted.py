"""A loop that is parted anyhow computes what `lax.scan` does, bit for bit."""

from __future__ import annotations

from functools import partial

import chex
import jax
import jax.numpy as jnp
import pytest

from rdd_jax.core.counted import counted_scan

N = 9
XS = jax.random.normal(jax.random.key(0), (N, 5))


def step(state, x):
  new = jnp.tanh(state @ jnp.outer(x, x) + x)
  return new, {'norm': jnp.linalg.norm(new), 'new': new}


@partial(jax.jit, static_argnames='length')
def counted(state, xs, length, count):
  return counted_scan(step, state, xs, length, count)


@pytest.mark.parametrize('parts', [[9], [4, 5], [1] * 9, [8, 0, 1]])
def test_parts_are_the_whole(parts):
  state, outputs, done = jnp.ones(5), [], 0
  for count in parts:
    left = jnp.concatenate([XS[done:], jnp.full((done, 5), jnp.nan)])
    state, found = counted(state, left, N, count)
    outputs.append(jax.tree.map(lambda x, n=count: x[:n], found))
    assert not jax.tree.leaves(found)[0][count:].any()
    done += count
  whole = jax.jit(partial(jax.lax.scan, step))(jnp.ones(5), XS)
  joined = jax.tree.map(lambda *xs: jnp.concatenate(xs), *outputs)
  chex.assert_trees_all_equal((state, joined), whole)
