"""Random keys by name, so that inserting a consumer moves no other's.

And arrays of numbers by key, for arrays of two dimensions or more: XLA for CPUs
compiles the bits of one of four dimensions in seconds where those of a vector
take a tenth of that, and a threefry key gives both the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
import math
import zlib

import jax
from jax import Array
from jax.typing import ArrayLike, DTypeLike
import numpy as np


def named(key: Array, name: str) -> Array:
  """The stream of `key` that belongs to `name`: `fold_in(key, crc32(name))`.

  >>> root = jax.random.key(0)
  >>> bool((named(root, 'probe') == named(root, 'probe')).all())
  True
  """
  return jax.random.fold_in(key, zlib.crc32(name.encode()))


def normal(key: Array, shape: Sequence[int], dtype: DTypeLike = float) -> Array:
  """Standard normal numbers, as `jax.random.normal`."""
  return jax.random.normal(key, (math.prod(shape),), dtype).reshape(shape)


def uniform(
  key: Array,
  shape: Sequence[int],
  dtype: DTypeLike = float,
  minval: ArrayLike = 0.0,
  maxval: ArrayLike = 1.0,
) -> Array:
  """Numbers of an interval, as `jax.random.uniform`; the bounds are scalars."""
  flat = (math.prod(shape),)
  drawn = jax.random.uniform(key, flat, dtype, minval, maxval)
  return drawn.reshape(shape)


def generator(key: Array) -> np.random.Generator:
  """NumPy's generator seeded by `key`, for draws that stay on the host."""
  return np.random.default_rng(np.asarray(jax.random.key_data(key)).tolist())
