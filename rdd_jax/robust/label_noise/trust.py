"""Trust: what a probe says of rows, and how it divides them."""

from __future__ import annotations

from typing import NamedTuple

import chex
from jax import Array
import jax.numpy as jnp

from rdd_jax.core.errors import UserError
from rdd_jax.robust.label_noise.options import Division, Score
from rdd_jax.robust.mixture import low_posterior

SCORES = ('loss', 'log_loss', 'regret')
RULES = ('agreement', 'mixture', 'either', 'both', 'small_loss')


class ProbeOutputs(NamedTuple):
  """What a probe says of `N` rows with labels.

  Attributes:
    losses: `f[N]`, cross-entropy to the label as given.
    best: `f[N]`, cross-entropy to the class that the probe prefers.
    agrees: `b[N]`, whether that class is the label, in every view.
    confidence: `f[N]`, the probability of the preferred class.
    preferred: `i[N]`, that class.
    features: `f[N, d]`.
  """

  losses: Array
  best: Array
  agrees: Array
  confidence: Array
  preferred: Array
  features: Array


def check(division: Division) -> None:
  """Raises a UserError for what does not divide rows."""
  if division.rule not in RULES:
    raise UserError(f'trust rule {division.rule!r}: give one of {RULES}')
  if division.score not in SCORES:
    raise UserError(f'trust score {division.score!r}: give one of {SCORES}')
  for name in ('threshold', 'keep', 'least', 'least_in_group'):
    value = getattr(division, name)
    if not 0 <= value <= 1:
      raise UserError(f'trust {name}={value}: give a number in [0, 1]')


def scores(opinion: ProbeOutputs, score: Score) -> Array:
  """Returns the numbers by which rows are ranked, `f[N]`; low is good.

  Args:
    opinion: of all rows.
    score: 'loss', 'log_loss' or 'regret'; see `Division`.
  """
  if score == 'log_loss':
    return jnp.log(opinion.losses + 1e-3)
  if score == 'regret':
    return opinion.losses - opinion.best
  return opinion.losses


def divide(
  opinion: ProbeOutputs,
  labels: Array,
  num_classes: int,
  division: Division,
  groups: Array | None = None,
  num_groups: int = 0,
) -> Array:
  """Divides rows into trusted and untrusted ones.

  Args:
    opinion: of all rows.
    labels: `i[N]`, as given.
    num_classes: the number of classes.
    division: how.
    groups: `i[N]`, where they are known; a negative one is no group.
    num_groups: the number of groups.

  Returns:
    `b[N]`, True for trusted rows; rows whose loss is not finite never are.
  """
  chex.assert_rank(labels, 1)
  chex.assert_equal_shape([labels, opinion.losses, opinion.agrees])
  finite = jnp.isfinite(opinion.losses)
  values = scores(opinion, division.score)
  ids, k = labels, num_classes
  if groups is not None and num_groups and division.by_group:
    ids = labels * (num_groups + 1) + jnp.where(groups < 0, num_groups, groups)
    k = num_classes * (num_groups + 1)

  def mixture() -> Array:
    posterior = low_posterior(values, ids, k, by_class=division.by_class)
    return posterior > division.threshold

  if division.rule == 'small_loss':
    place, count = rank(values, ids, k)
    trusted = place < division.keep * count
  elif division.rule == 'agreement':
    trusted = opinion.agrees
  elif division.rule == 'mixture':
    trusted = mixture()
  elif division.rule == 'either':
    trusted = opinion.agrees | mixture()
  else:
    trusted = opinion.agrees & mixture()
  regret = scores(opinion, 'regret')
  place, count = rank(regret, labels, num_classes)
  trusted |= place < jnp.maximum(division.least * count, division.least_rows)
  if k > num_classes:
    place, count = rank(regret, ids, k)
    trusted |= place < division.least_in_group * count
  return trusted & finite


def rank(values: Array, ids: Array, k: int) -> tuple[Array, Array]:
  """Ranks each row within its class, and counts the class.

  Args:
    values: `f[N]`; those that are not finite come last, ties in order.
    ids: `i[N]`, the class, in `[0, k)`.
    k: the number of classes.

  Returns:
    `i[N]`, how many rows of its class are before each row, and `i[N]`, how many
    its class has.
  """
  values = jnp.where(jnp.isfinite(values), values, jnp.inf)
  order = jnp.lexsort((values, ids))
  ordered = ids[order]
  start = jnp.searchsorted(ordered, jnp.arange(k))
  count = jnp.searchsorted(ordered, jnp.arange(k), side='right') - start
  place = jnp.arange(len(ids)) - start[ordered]
  return jnp.zeros_like(ids).at[order].set(place), count[ids]
