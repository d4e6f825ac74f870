"""What is handed on: rows that are trusted, and rows that come back relabeled.

Both by the posterior of the true class, given a row and its label. Wrong labels
are counted by expectation: a row of posterior `p` for the label that it is
handed on with is `1 - p` wrong. A hard label is never more wrong than a soft
target: `1 - max p <= 1 - sum p^2`.
"""

from __future__ import annotations

from typing import NamedTuple

import chex
import jax
from jax import Array
import jax.numpy as jnp

from rdd_jax.core.errors import UserError
from rdd_jax.core.numerics import safe_divide
from rdd_jax.robust.label_noise.options import Selection
from rdd_jax.robust.label_noise.trust import rank

SOME = 0.1  # of a class, that a group must have to set what others are trusted


class Chosen(NamedTuple):
  """What is handed on of `N` rows.

  Attributes:
    trusted: `b[N]`, with the label as given.
    relabeled: `b[N]`, with another.
    labels: `i[N]`, of trusted rows as given, of others the likeliest other.
    doubt: `f[N]`, the probability that a label is wrong, by the best model.
    given_noise: `f[]`, the expected share of wrong labels as given,
    noise: and in what is handed on.
  """

  trusted: Array
  relabeled: Array
  labels: Array
  doubt: Array
  given_noise: Array
  noise: Array


def check(selection: Selection) -> None:
  """Raises a UserError for a selection that hands on nothing that makes sense.

  Args:
    selection: its shares are in [0, 1], but for `least_right`, up to 2.
  """
  for name, value in selection._asdict().items():
    most = {'least_rows': float('inf'), 'least_right': 2.0}.get(name, 1.0)
    if not 0 <= value <= most:
      raise UserError(f'trust {name}={value}: give a number in [0, {most:g}]')


def select(
  chances: Array,
  labels: Array,
  selection: Selection = Selection(),
  groups: Array | None = None,
  num_groups: int = 0,
  right: Array | None = None,
) -> Chosen:
  """Selects what is handed on.

  Trusted are the rows of the highest posterior, as many as keep within the
  noise that is allowed; of each class, the best rows up to a share of those
  that are right; and where groups are known, of each group of a class as large
  a share as of the one that is trusted most, of those with a tenth of the rows.
  Noise is taken to be the same in all groups of a class, whose rows a probe may
  know less well.

  Args:
    chances: `f[m, N, k]`, the posterior by each of `m` models, the best first.
      That one says which rows are better; a row comes back by what all of them
      grant. A row of zeros is never handed on.
    labels: `i[N]`, as given.
    selection: how much.
    groups: `i[N]`; others than `[0, num_groups)` are none.
    num_groups: the number of known groups.
    right: `f[N]`, the probabilities of labels by which noise is counted; by
      default those of the best model.

  >>> chances = jnp.array([[[0.9, 0.1], [0.05, 0.95]]])
  >>> found = select(chances, jnp.array([0, 0]), Selection(least_rows=0))
  >>> found.trusted.tolist()
  [True, False]
  """
  chex.assert_rank([chances, labels], [3, 1])
  chance = chances[0]
  n, k = chance.shape
  known = chance.sum(1) > 0
  mine = jnp.take_along_axis(chance, labels[:, None], 1)[:, 0]
  right = mine if right is None else right
  given_noise = _mean(1 - right, known)
  allowed = jnp.maximum(selection.share_of_noise * given_noise, selection.floor)
  trusted = known & (mine >= selection.least_trusted)
  trusted &= within(1 - right, trusted, allowed, 1 - mine)
  place, _ = rank(-mine, labels, k)
  trusted |= known & (place < selection.least_rows)
  of_class = _sum(jnp.where(known, right, 0.0), labels, k)[labels]
  before = _before(jnp.where(known, right, 0.0), labels, place)
  trusted |= known & (before < selection.least_kept * of_class)
  if groups is not None and num_groups:
    inside = (groups >= 0) & (groups < num_groups)
    cell = labels * (num_groups + 1) + jnp.where(inside, groups, num_groups)
    cells = k * (num_groups + 1)
    place, count = rank(-mine, cell, cells)
    rows = _sum(jnp.ones(n), cell, cells).reshape(k, -1)
    share = safe_divide(_sum(trusted * 1.0, cell, cells).reshape(k, -1), rows)
    large = rows >= SOME * rows.sum(1, keepdims=True)
    kept = jnp.where(large, share, 0.0)[:, :num_groups].max(1)
    trusted |= known & inside & (place + 0.5 < kept[labels] * count)
  noise = _mean(1 - right, trusted)
  others = chances.min(0).at[jnp.arange(n), labels].set(-1.0)
  best = others.max(1)
  relabeled = known & ~trusted & (best >= selection.least_right)
  relabeled &= within(1 - best, relabeled, selection.margin * noise)
  wrong = jnp.where(relabeled, 1 - best, 1 - right)
  return Chosen(
    trusted,
    relabeled,
    jnp.where(trusted, labels, others.argmax(1)),
    1 - mine,
    given_noise,
    _mean(wrong, trusted | relabeled),
  )


def within(
  wrong: Array, rows: Array, allowed: Array, order: Array | None = None
) -> Array:
  """Marks the first rows, as many as have a mean noise within a bound.

  Args:
    wrong: `f[N]`, the probability that a row is wrong.
    rows: `b[N]`, that may be marked.
    allowed: `f[]`, the bound.
    order: `f[N]`, the least first; by default `wrong`.

  >>> within(jnp.array([0.3, 0.0, 0.1]), jnp.ones(3, bool), 0.05).tolist()
  [False, True, True]
  """
  n = len(wrong)
  order = jnp.argsort(
    jnp.where(rows, wrong if order is None else order, jnp.inf)
  )
  count = jnp.arange(1, n + 1)
  means = jnp.cumsum(jnp.where(rows, wrong, jnp.inf)[order]) / count
  most = jnp.where(means <= allowed, count, 0).max(initial=0)
  return jnp.zeros(n, bool).at[order].set(count <= most) & rows


def _before(values: Array, ids: Array, place: Array) -> Array:
  """For each row the sum over the rows of its class that come before it."""
  order = jnp.lexsort((place, ids))
  ordered = values[order]
  total = jnp.cumsum(ordered) - ordered
  start = jnp.searchsorted(ids[order], ids[order])
  return jnp.zeros_like(values).at[order].set(total - total[start])


def _sum(values: Array, ids: Array, k: int) -> Array:
  return jax.ops.segment_sum(values, ids, k)


def _mean(values: Array, rows: Array) -> Array:
  return safe_divide(jnp.where(rows, values, 0.0).sum(), rows.sum())
