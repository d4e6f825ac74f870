"""Random crops of rows that a measure draws, scored by a teacher (RDED)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
from jax import Array
import jax.numpy as jnp
import numpy as np
import optax

from rdd_jax import networks
from rdd_jax.core import keys
from rdd_jax.core.chunks import Picked, in_shares
from rdd_jax.core.measure import Measure
from rdd_jax.core.sharding import by_rows
from rdd_jax.images.crops import resized_crops
from rdd_jax.images.preprocessing import Preprocessing
from rdd_jax.training.teacher import Teacher

IN_FLIGHT = 500  # crops that the teacher looks at together


@dataclass(frozen=True)
class Selection:
  """Describes which crops are looked at, and how they become images.

  Attributes:
    draws: rows of a class; 0 is all.
    crops: of a row.
    least: share of an image's area that a crop has, at least.
    tiles: `tiles**2` crops make an image.
    groups: of a class, which take equal shares; 0 looks at none.
  """

  draws: int = 300
  crops: int = 5
  least: float = 0.08
  tiles: int = 1
  groups: int = 0


def candidates(
  key: Array, measure: Measure, ids: np.ndarray, n: int
) -> np.ndarray:
  """Draws rows of each stratum without repetition, in proportion to weights.

  Args:
    key: a random key.
    measure: over `N` rows; those of weight 0 are never drawn.
    ids: `i[N]`, the stratum of each row; below 0 there is none.
    n: of a stratum; 0 is all.

  Returns:
    Ascending row numbers `i[m]`; a stratum that has fewer gives all it has.

  Source: Efraimidis and Spirakis, Weighted random sampling with a reservoir,
    2006, by Gumbel noise.
  """
  weights = np.asarray(measure.weights, np.float64)
  there = (weights > 0) & (ids >= 0)
  noise = np.asarray(jax.random.gumbel(key, weights.shape), np.float64)
  with np.errstate(divide='ignore'):
    order = np.argsort(-(np.log(weights) + noise), kind='stable')
  order = order[there[order]]
  if not n:
    return np.sort(order)
  taken = [order[ids[order] == i][:n] for i in np.unique(ids[order])]
  return np.sort(np.concatenate(taken)) if taken else order


def scores(
  teacher: Teacher,
  key: Array,
  images: np.ndarray | Array,
  rows: np.ndarray,
  cells: np.ndarray,
  chosen: Selection,
  preprocess: Preprocessing,
) -> np.ndarray:
  """Computes the teacher's cross-entropy of each crop to the class of its row.

  A crop depends on the key and on its row's number alone, not on which other
  rows are scored or in what order, or on how many devices. Where several crops
  make an image, each is seen as large as it will be, in the middle of zeros,
  which are the mean.

  Args:
    teacher: the network.
    key: of the crops.
    images: `u8[N, H, W, C]`.
    rows: `i[n]`, which of them.
    cells: `i[n]`, their classes.
    chosen: of which `crops`, `least` and `tiles` are read.
    preprocess: from uint8 to network inputs.

  Returns:
    `f[n, crops]`.

  Source: Sun et al., CVPR 2024, sec. 4.
  """
  size = max(IN_FLIGHT // chosen.crops, 1)

  def some(given: tuple[Array, ...]) -> np.ndarray:
    return np.asarray(_scores(chosen, given, teacher, key, preprocess))

  given = Picked(images, rows), np.asarray(rows), np.asarray(cells)
  return in_shares(some, given, size)


@partial(jax.jit, static_argnums=0)
def _scores(chosen: Selection, *given: Any) -> Array:
  return by_rows(partial(_scored, chosen), *given)


def _scored(
  chosen: Selection,
  some: tuple[Array, Array, Array],
  teacher: Teacher,
  key: Array,
  preprocess: Preprocessing,
) -> Array:
  """Scores `f[b, crops]` of all crops of some images `u8[b, H, W, C]`."""
  images, rows, cells = some
  inputs = preprocess(images)
  number = jnp.arange(chosen.crops)
  every = jnp.repeat(jnp.arange(len(rows)), chosen.crops)
  found = crops_of(
    key, inputs[every], rows[every], jnp.tile(number, len(rows)), chosen
  )
  short = [
    a - b for a, b in zip(inputs.shape[1:3], found.shape[1:3], strict=True)
  ]
  pads = [(s // 2, s - s // 2) for s in short]
  seen = jnp.pad(found, ((0, 0), *pads, (0, 0)))
  logits = networks.apply(teacher.net, teacher.variables, seen).logits
  losses = optax.softmax_cross_entropy_with_integer_labels(logits, cells[every])
  return losses.reshape(-1, chosen.crops)


def crops_of(
  key: Array, inputs: Array, rows: Array, number: Array, chosen: Selection
) -> Array:
  """Returns one crop of each row, as large as a tile.

  Args:
    key: of all crops.
    inputs: `f[n, H, W, C]`, as networks take them.
    rows: `i[n]`, their row numbers.
    number: `i[n]`, which crop of a row.
    chosen: of which `least` and `tiles` are read.

  Returns:
    `f[n, h, w, C]`.
  """

  def drawn(row: Array, number: Array) -> Array:
    own = jax.random.fold_in(jax.random.fold_in(key, row), number)
    return keys.uniform(own, (3,))

  height, width = (-(-side // chosen.tiles) for side in inputs.shape[1:3])
  u = jax.vmap(drawn)(rows, number)
  return resized_crops(u, inputs, (height, width), chosen.least)
