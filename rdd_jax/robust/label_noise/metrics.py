"""Metrics of trust-aware diversion, where the true labels are known."""

from __future__ import annotations

from typing import NamedTuple

import jax
from jax import Array
import jax.numpy as jnp
from jax.typing import ArrayLike

from rdd_jax.robust.label_noise.record import LEFT_OUT, DivertState


class Evidence(NamedTuple):
  """Of each division, in shares; those that need the truth may be NaN.

  Attributes:
    trusted: of all rows.
    recalled: of all rows.
    precision: of trusted rows, those whose label is true.
    recall: of rows whose label is true, those trusted.
    relabelled: of recalled rows, those whose new label is true.
    noise: of the mass that counts, that of rows whose label is wrong.
  """

  trusted: Array
  recalled: Array
  precision: Array
  recall: Array
  relabelled: Array
  noise: Array


def evidence(
  state: DivertState, given: ArrayLike, truth: ArrayLike
) -> Evidence:
  """Computes how right the divisions were, `f[R]` each.

  Args:
    state: after `R` or more divisions.
    given: `i[N]`, the labels in doubt.
    truth: `i[N]`, the true labels.
  """
  trusted, labels = jnp.asarray(state.trusted), jnp.asarray(state.labels)
  given, truth = jnp.asarray(given), jnp.asarray(truth)
  counts = labels != LEFT_OUT
  recalled = counts & ~trusted
  right, clean = labels == truth[None], given == truth
  mass = jnp.asarray(state.mass)

  def share(part: Array, whole: Array) -> Array:
    return (part & whole).sum(1) / whole.sum(1)

  everything = jnp.ones_like(trusted)
  return Evidence(
    trusted=share(trusted, everything),
    recalled=share(recalled, everything),
    precision=share(clean[None] & everything, trusted),
    recall=share(trusted, clean[None] & everything),
    relabelled=share(right, recalled),
    noise=(mass * ~right).sum(1) / mass.sum(1),
  )


def recall_by(
  state: DivertState,
  given: ArrayLike,
  truth: ArrayLike,
  ids: ArrayLike,
  k: int,
) -> Array:
  """Computes `Evidence.recall` within each class or group, `f[R, k]`.

  Args:
    state: after `R` or more divisions.
    given: `i[N]`, the labels in doubt.
    truth: `i[N]`.
    ids: `i[N]`, the class or group; rows outside `[0, k)` are of none.
    k: the number of them; those without a row whose label is true are NaN.
  """
  ids = jnp.asarray(ids)
  clean = (jnp.asarray(given) == jnp.asarray(truth)) & (ids >= 0) & (ids < k)
  of = jnp.where(clean, ids, k)

  def count(rows: Array) -> Array:
    return jax.ops.segment_sum((rows & clean).astype(jnp.int32), of, k + 1)[:k]

  return jax.vmap(count)(jnp.asarray(state.trusted)) / count(clean)[None]
