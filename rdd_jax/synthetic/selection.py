"""Crops of real images that a teacher finds realistic, as images (RDED).

Sun et al., On the Diversity and Realism of Distilled Dataset, CVPR 2024: of
each of many rows the random crop whose class a trained network recognizes best
is kept, and the best of these, side by side, are the distilled images.
"""

from __future__ import annotations

from typing import NamedTuple

from jax import Array
import jax.numpy as jnp
import numpy as np

from rdd_jax.core import keys
from rdd_jax.core.chunks import in_chunks
from rdd_jax.core.errors import UserError
from rdd_jax.core.measure import Measure
from rdd_jax.images.preprocessing import Preprocessing
from rdd_jax.synthetic.crops import (
  IN_FLIGHT,
  Selection,
  candidates,
  crops_of,
  scores,
)
from rdd_jax.training.teacher import Teacher


class Selected(NamedTuple):
  """Crops that were selected, `n` of each class, class by class.

  Attributes:
    rows: `i[k, n]`, of the data set, the most realistic first.
    crops: `i[k, n]`, which of a row's.
    losses: `f[k, n]`, of the teacher.
  """

  rows: np.ndarray
  crops: np.ndarray
  losses: np.ndarray


def select(
  losses: np.ndarray,
  rows: np.ndarray,
  cells: np.ndarray,
  groups: np.ndarray,
  num_classes: int,
  count: int,
) -> Selected:
  """Selects the crops of least loss: of each row the best, then second ones.

  Second-best crops are taken where a class has fewer rows than `count`. Groups
  of a class take equal shares, as far as they have crops.

  Args:
    losses: `f[n, crops]`.
    rows: `i[n]`, of the data set.
    cells: `i[n]`, their classes.
    groups: `i[n]`, their groups; of one value where none are looked at.
    num_classes: whose crops are selected.
    count: of each class.

  Raises:
    UserError: for a class that has too few crops.

  >>> losses = np.array([[3.0, 1.0], [2.0, 5.0], [0.0, 9.0]])
  >>> rows, none = np.array([7, 8, 9]), np.zeros(3, int)
  >>> found = select(losses, rows, none, none, 1, 2)
  >>> found.rows.tolist(), found.crops.tolist(), found.losses.tolist()
  ([[9, 7]], [[0, 1]], [[0.0, 1.0]])
  """
  of_row = np.argsort(losses, 1, kind='stable')
  ranked = np.take_along_axis(losses, of_row, 1)
  found = []
  for c in range(num_classes):
    own = [
      np.flatnonzero((cells == c) & (groups == g))
      for g in np.unique(groups[cells == c])
    ]
    room = [len(some) * losses.shape[1] for some in own]
    if sum(room) < count:
      raise UserError(
        f'class {c} has {sum(map(len, own))} training rows that are trusted, '
        f'with {losses.shape[1]} crops each, and {count} crops are to be '
        'selected: lower ipc or selection.tiles, or raise selection.crops'
      )
    picked = []
    for some, share in zip(own, shares(room, count, c), strict=True):
      # All best crops, then all second-best ones: rank by rank.
      own_losses = ranked[some].T.ravel()
      rank = np.repeat(np.arange(losses.shape[1]), len(some))
      best = np.lexsort((own_losses, rank))[:share]
      picked.append((some[best % len(some)], rank[best], own_losses[best]))
    row, rank, loss = map(np.concatenate, zip(*picked, strict=True))
    order = np.argsort(loss, kind='stable')
    found.append((rows[row], of_row[row, rank], loss))
    found[-1] = tuple(part[order] for part in found[-1])
  return Selected(*map(np.stack, zip(*found, strict=True)))


def shares(room: list[int], count: int, first: int = 0) -> list[int]:
  """Deals `count` out as evenly as each one's room allows.

  Args:
    room: the most that each can take.
    count: at most all of it.
    first: who is dealt to first, so that classes favor different groups.

  >>> shares([1, 9, 9], 8), shares([9, 9], 1, first=3)
  ([1, 4, 3], [0, 1])
  """
  given = [0] * len(room)
  order = [(first + i) % len(room) for i in range(len(room))]
  while sum(given) < count:
    for i in order:
      if given[i] < room[i] and sum(given) < count:
        given[i] += 1
  return given


def realistic(
  teacher: Teacher,
  key: Array,
  images: np.ndarray | Array,
  measure: Measure,
  chosen: Selection,
  *,
  num_classes: int,
  ipc: int,
  preprocess: Preprocessing,
) -> tuple[np.ndarray, Selected]:
  """Makes images of the most realistic crops of each class.

  Args:
    teacher: finds them.
    key: of the rows that are looked at and of their crops.
    images: `u8[N, H, W, C]`.
    measure: over the same rows.
    chosen: which crops are looked at.
    num_classes: whose images are made.
    ipc: images of each class.
    preprocess: from uint8 to network inputs.

  Returns:
    Network inputs `f[num_classes * ipc, H, W, C]`, class by class, and what
    they are made of.

  Raises:
    UserError: for a class that has too few crops.

  Source: Sun et al., CVPR 2024, algorithm 1.
  """
  cells, groups = np.asarray(measure.cells), np.asarray(measure.groups)
  known = (groups >= 0) & (groups < chosen.groups)
  groups = np.where(known, groups, chosen.groups)  # the others are one more
  ids = np.where(
    (cells >= 0) & (cells < num_classes),
    cells * (chosen.groups + 1) + groups,
    -1,
  )
  rows = candidates(keys.named(key, 'rows'), measure, ids, chosen.draws)
  own = keys.named(key, 'crops')
  losses = scores(teacher, own, images, rows, cells[rows], chosen, preprocess)
  found = select(
    losses, rows, cells[rows], groups[rows], num_classes, ipc * chosen.tiles**2
  )

  def cut(given: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    row, number = given
    inputs = preprocess(jnp.asarray(images[row]))
    where = jnp.asarray(row), jnp.asarray(number)
    return np.asarray(crops_of(own, inputs, *where, chosen))

  flat = found.rows.ravel(), found.crops.ravel()
  crops = in_chunks(cut, flat, IN_FLIGHT)
  return compose(crops, num_classes, ipc, images.shape[1:3]), found


def compose(
  crops: np.ndarray, num_classes: int, ipc: int, size: tuple[int, ...]
) -> np.ndarray:
  """Puts crops side by side; an image has one of each part of the ranking.

  Args:
    crops: `f[num_classes * tiles**2 * ipc, h, w, C]`, class by class, the most
      realistic first.
    num_classes: of them.
    ipc: images of each class.
    size: `(H, W)` of an image; what tiles have beyond it is cut.

  Returns:
    `f[num_classes * ipc, H, W, C]`.

  >>> crops = np.arange(8.0).reshape(8, 1, 1, 1)
  >>> compose(crops, 1, 2, (2, 2))[0, :, :, 0].tolist()
  [[0.0, 2.0], [4.0, 6.0]]
  """
  h, w, channels = crops.shape[1:]
  tiles = round((len(crops) / (num_classes * ipc)) ** 0.5)
  grid = crops.reshape(num_classes, tiles, tiles, ipc, h, w, channels)
  grid = grid.transpose(0, 3, 1, 4, 2, 5, 6)
  whole = grid.reshape(num_classes * ipc, tiles * h, tiles * w, channels)
  return whole[:, : size[0], : size[1]]
