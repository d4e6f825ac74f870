"""Flips of labels that may have been found backwards.

Where labels of dolphins go to otters, and those of otters to seals, rows that
look like dolphins explain the labels about as well when they are taken for
otters, and otters for seals: fitting in turn can stay there, and a class is
lost. What it found is the other way round then, so that the start is known.
"""

from __future__ import annotations

from jax import Array
import jax.numpy as jnp
from jax.typing import ArrayLike
import numpy as np

from rdd_jax.robust.label_noise.transition import compose, sparse

DOUBTFUL = 0.8  # of the labels a class keeps, those that go to one other
LINKED = 0.15  # of a class's labels: classes that give as many go together
RATE = 0.4  # of wrong labels in classes that are turned round, to start with


def doubtful(transition: ArrayLike) -> list[np.ndarray]:
  """Finds classes among which flips may go the other way.

  Args:
    transition: `f[k, k]`, `P(given j | true i)`.

  Returns:
    Numbers of classes that give each other labels, as far as one of them gives
    another nearly as many as it keeps; the most doubtful first.

  >>> doubtful(np.array([[0.55, 0.45, 0], [0, 0.7, 0.3], [0, 0, 1]]))
  [array([0, 1, 2])]
  >>> doubtful(np.array([[0.6, 0.4, 0], [0, 0.7, 0.3], [0, 0, 1]]))
  []
  """
  from scipy.sparse.csgraph import connected_components

  transition = np.asarray(transition)
  others = np.where(np.eye(len(transition), dtype=bool), 0, transition)
  _, group = connected_components(others >= LINKED, directed=False)
  groups = [np.flatnonzero(group == g) for g in range(group.max() + 1)]
  groups.sort(key=lambda classes: -doubt(transition, classes))
  return [g for g in groups if doubt(transition, g) > DOUBTFUL]


def doubt(transition: ArrayLike, classes: np.ndarray) -> float:
  """Returns the most that a class gives to one other, by what it keeps.

  Args:
    transition: `f[k, k]`, `P(given j | true i)`.
    classes: `i[n]`, numbers of those that are looked at.

  >>> doubt(np.array([[0.5, 0.25, 0.25], [0, 1, 0], [0, 0, 1]]), np.arange(3))
  0.5
  """
  rows = np.array(transition)[classes]
  kept = np.maximum(rows[np.arange(len(classes)), classes], 1e-8)
  rows[np.arange(len(classes)), classes] = 0
  return float((rows.max(1) / kept).max())


def turned(transition: ArrayLike, classes: np.ndarray) -> Array:
  """Returns the transition with the flips among some classes turned round.

  Args:
    transition: `f[k, k]`, `P(given j | true i)`.
    classes: `i[n]`, their numbers.

  >>> flips = np.array([[0.5, 0.5, 0], [0, 0.5, 0.5], [0.2, 0, 0.8]])
  >>> print(turned(flips, np.arange(3)).round(1))
  [[0.6 0.  0.4]
   [0.4 0.6 0. ]
   [0.  0.4 0.6]]
  """
  among = np.array(transition)
  rate = 1 - np.diag(among)
  np.fill_diagonal(among, 0)
  block = np.ix_(classes, classes)
  among[block] = among[block].T
  rate[classes] = RATE
  return compose(jnp.asarray(rate), sparse(jnp.asarray(among)))
