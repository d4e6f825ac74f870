"""Cases that the tests of checkpoint share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax
from jax import Array
import jax.numpy as jnp
import numpy as np

from rdd_jax.runtime import checkpoint


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class State:
  step: Array
  key: Array
  params: Any
  chain: Any


class Trace(NamedTuple):
  decay: Array
  trace: Any


def state(seed: int = 0) -> State:
  key = jax.random.key(seed)
  normal = jax.random.normal(key, (64, 5))
  odd = jnp.array([jnp.nan, -0.0, jnp.inf, 1e-45])
  return State(
    step=jnp.asarray(seed),
    key=key,
    params={'images': normal, 'half': normal.astype(jnp.bfloat16), 'odd': odd},
    chain=(
      Trace(jnp.float32(0.9), None),
      (),
      {},
      {'a/b': jnp.arange(3), 'a.b': jnp.ones((0, 3)), 'trust': odd > 0},
      jax.random.split(jax.random.key(7, impl='rbg'), 3),
      [3, 0.1, np.arange(2, dtype=np.int64)],
    ),
  )


def raw(leaf: Any) -> tuple[Any, ...]:
  dtype = getattr(leaf, 'dtype', np.dtype(object))
  if jnp.issubdtype(dtype, jax.dtypes.prng_key):
    return str(dtype), *raw(jax.random.key_data(leaf))
  data = np.asarray(leaf)
  return type(leaf), data.dtype, data.shape, data.tobytes()


def assert_same(got: Any, expected: Any) -> None:
  assert jax.tree.structure(got) == jax.tree.structure(expected)
  for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
    assert raw(a) == raw(b)


def folder(directory: Path, step: int) -> Path:
  return directory / 'checkpoints' / str(step)


def restore(directory: Path, like: Any = None) -> tuple[int, Any]:
  found = checkpoint.restore_latest(
    directory, state() if like is None else like
  )
  assert found is not None
  return found
