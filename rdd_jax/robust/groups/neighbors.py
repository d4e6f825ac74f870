"""A finder of rows that lie among rows of other classes.

A part of a class that is rare, and looks like no other part of it, has few rows
of its own class nearby. How densely a class lies around a row depends on what
the row looks like; how large its share is among all rows nearby, much less so.
"""

from __future__ import annotations

from functools import partial

import jax
from jax import Array
import jax.numpy as jnp
import numpy as np

from rdd_jax.core.chunks import in_chunks
from rdd_jax.core.errors import UserError
from rdd_jax.robust.groups.discover import Finder, FinderInputs, GroupAssignment
from rdd_jax.robust.groups.finders import narrow

CHUNK = 500  # rows whose neighbors are looked for at once


def neighbors(
  *,
  share: float = 0.005,
  draws: float = 0.25,
  radii: tuple[float, ...] = (0.02, 0.06),
  components: int = 50,
  reference: int = 10_000,
) -> Finder:
  """Draws more of the rows whose neighbors are least often of their class.

  Neighbors are the nearest rows of all classes, in principal components of
  pixels: a network that has seen the labels puts rows where these say.

  Wrong labels are set apart likewise, so clean them first.

  Args:
    share: of the rows of a class that become group 1; all others are group 0.
    draws: the share of draws from the class that group 1 gets.
    radii: how many neighbors, as shares of all rows; their mean counts.
    components: principal ones.
    reference: so many rows, drawn, are looked for; all where there are fewer.

  Raises:
    UserError: for shares that leave one of the groups empty.

  >>> images = np.zeros((10, 1, 1, 1), np.uint8)
  >>> images[5:] = 200  # and the first row of class 1 lies in class 0
  >>> images[5] = 3
  >>> look = FinderInputs(images, np.arange(10) // 5, images, images)
  >>> find = neighbors(share=0.2, draws=0.5, radii=(0.4,))
  >>> found = find(look, 2, np.random.default_rng(0))
  >>> found.groups[5:].tolist(), found.factors[5:].tolist()
  ([1, 0, 0, 0, 0], [2.5, 0.625, 0.625, 0.625, 0.625])
  """
  for name, value in (('share', share), ('draws', draws)):
    if not 0 < value < 1:
      raise UserError(
        f'{name}={value} leaves no group beside the other; give one in (0, 1)'
      )

  def find(
    look: FinderInputs, num_classes: int, rng: np.random.Generator
  ) -> GroupAssignment:
    values = look.images.reshape(len(look.images), -1) / 255.0
    found = consistency(
      narrow(values, rng, components), look.labels, radii, reference, rng
    ).mean(1)
    groups = np.full(len(look.labels), -1)
    factors = np.ones(len(groups))
    for c in range(num_classes):
      rows = np.flatnonzero(look.labels == c)
      count = round(share * len(rows))
      if count:
        apart = rows[np.argsort(found[rows], kind='stable')[:count]]
        groups[rows], groups[apart] = 0, 1
        factors[rows] = (1 - draws) * len(rows) / (len(rows) - count)
        factors[apart] = draws * len(rows) / count
    return GroupAssignment(groups, factors, np.full(num_classes, np.nan))

  return find


def consistency(
  points: np.ndarray,
  labels: np.ndarray,
  radii: tuple[float, ...],
  reference: int,
  rng: np.random.Generator,
) -> np.ndarray:
  """Returns how large a share of a row's neighbors has its label.

  A row is no neighbor of its own.

  Args:
    points: `f[n, d]`.
    labels: `i[n]`.
    radii: how many neighbors, as shares of all rows.
    reference: so many rows, drawn, are looked for.
    rng: draws them.

  Returns:
    `f[n, r]`, a column for each radius.

  >>> points, labels = np.array([[0.0], [1], [3], [9]]), np.array([0, 0, 1, 1])
  >>> rng = np.random.default_rng(0)
  >>> consistency(points, labels, (0.25, 0.5), 4, rng).tolist()
  [[1.0, 0.5], [1.0, 0.5], [0.0, 0.0], [1.0, 0.5]]
  """
  drawn = rng.permutation(len(points))[:reference]
  counts = [min(max(round(r * len(drawn)), 1), len(drawn) - 1) for r in radii]
  theirs = jnp.asarray(points[drawn], jnp.float32)
  others = jnp.asarray(labels[drawn]), jnp.asarray(drawn)
  share = partial(_shares, theirs, *others, tuple(counts))

  def of_rows(part: tuple[np.ndarray, ...]) -> np.ndarray:
    own, label, index = part
    return np.asarray(share(jnp.asarray(own, jnp.float32), label, index))

  rows = np.asarray(points), np.asarray(labels), np.arange(len(points))
  return in_chunks(of_rows, rows, CHUNK)


@partial(jax.jit, static_argnums=3)
def _shares(
  theirs: Array,
  labels: Array,
  index: Array,
  counts: tuple[int, ...],
  own: Array,
  label: Array,
  row: Array,
) -> Array:
  products = jnp.matmul(own, theirs.T, precision='highest')
  square = jnp.square(theirs).sum(1)[None] - 2 * products
  square = jnp.where(row[:, None] == index[None], jnp.inf, square)
  _, nearest = jax.lax.top_k(-square, max(counts))
  same = jnp.cumsum(labels[nearest] == label[:, None], 1)
  return jnp.stack([same[:, k - 1] / k for k in counts], 1)
