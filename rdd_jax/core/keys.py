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
  """Returns the stream of `key` named `name`: `fold_in(key, crc32(name))`.

  Args:
    key: a random key.
    name: of the consumer.

  >>> root = jax.random.key(0)
  >>> bool((named(root, 'probe') == named(root, 'probe')).all())
  True
  """
  return jax.random.fold_in(key, zlib.crc32(name.encode()))


def normal(key: Array, shape: Sequence[int], dtype: DTypeLike = float) -> Array:
  """Draws standard normal numbers, as `jax.random.normal`.

  Args:
    key: a random key.
    shape: of the result.
    dtype: of the result, floating.
  """
  return jax.random.normal(key, (math.prod(shape),), dtype).reshape(shape)


def uniform(
  key: Array,
  shape: Sequence[int],
  dtype: DTypeLike = float,
  minval: ArrayLike = 0.0,
  maxval: ArrayLike = 1.0,
) -> Array:
  """Draws numbers from U[minval, maxval), as `jax.random.uniform`.

  Args:
    key: a random key.
    shape: of the result.
    dtype: of the result, floating.
    minval: a scalar.
    maxval: a scalar.
  """
  flat = (math.prod(shape),)
  drawn = jax.random.uniform(key, flat, dtype, minval, maxval)
  return drawn.reshape(shape)


def generator(key: Array) -> np.random.Generator:
  """Returns NumPy's generator seeded by `key`, for draws on the host."""
  return np.random.default_rng(np.asarray(jax.random.key_data(key)).tolist())
