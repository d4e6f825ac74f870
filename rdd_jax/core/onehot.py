"""Targets of hard labels, which take a number a row, not one for each class."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import jax
from jax import Array
import jax.numpy as jnp
import numpy as np


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class OneHot:
  """Targets `f32[n, o]`: 1 in the class of a row, and 0 in all others.

  Of a million rows of a thousand classes these are 5 GB, of which a step needs
  a few rows. Functions of JAX take it as an array, which it becomes for them,
  as it does for methods such as `sum`, and beside an array in arithmetic.

  Attributes:
    classes: `i[n]`; a row of a class out of range is 0 everywhere.
    outputs: their number `o`.

  >>> targets = OneHot(jnp.array([1, 0]), 3)
  >>> targets.shape, targets[:1].tolist()
  ((2, 3), [[0.0, 1.0, 0.0]])
  """

  classes: Array
  outputs: int = field(metadata={'static': True})

  @property
  def shape(self) -> tuple[int, ...]:
    return *self.classes.shape, self.outputs

  @property
  def ndim(self) -> int:
    return len(self.shape)

  @property
  def dtype(self) -> Any:
    return np.dtype(np.float32)

  def __len__(self) -> int:
    return len(self.classes)

  def __iter__(self) -> Iterator[Array]:
    return iter(self[:])

  def __getitem__(self, rows: Any) -> Array:
    """Returns the targets of some rows as an array."""
    if isinstance(rows, tuple):
      return self[:][rows]
    return jax.nn.one_hot(self.classes[rows], self.outputs, dtype=np.float32)

  def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
    return np.array(self[:], dtype)

  def __jax_array__(self) -> Array:
    return self[:]

  def __getattr__(self, name: str) -> Any:
    if name.startswith('_') or name in ('classes', 'outputs'):
      raise AttributeError(name)
    return getattr(self[:], name)


Targets = Array | OneHot


def dense(targets: Targets) -> Array:
  """Returns targets as an array.

  >>> dense(OneHot(jnp.array([1, -1]), 2)).tolist()
  [[0.0, 1.0], [0.0, 0.0]]
  """
  return targets[:] if isinstance(targets, OneHot) else jnp.asarray(targets)
