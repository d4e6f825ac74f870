"""How right trust was, where the truth is known."""

from __future__ import annotations

from typing import NamedTuple

from jax import Array
import jax.numpy as jnp
from jax.typing import ArrayLike

from rdd_jax.robust.tad import LEFT_OUT, DivertState


class Evidence(NamedTuple):
  """Of each division, in shares; those that need the truth may be NaN.

  Attributes:
    trusted: of all rows.
    recalled: of all rows.
    precision: of trusted rows, those whose label is true.
    recall: of rows whose label is true, those trusted.
    relabelled: of recalled rows, those whose new label is true.
    noise: of the rows that count, those whose label is wrong.
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
  """How right the divisions were, `f[R]` each.

  Args:
    state: after `R` or more divisions.
    given: `i[N]`, the labels in doubt.
    truth: `i[N]`.
  """
  trusted, labels = jnp.asarray(state.trusted), jnp.asarray(state.labels)
  given, truth = jnp.asarray(given), jnp.asarray(truth)
  counts = labels != LEFT_OUT
  recalled = counts & ~trusted
  right, clean = labels == truth[None], given == truth

  def share(part: Array, whole: Array) -> Array:
    return (part & whole).sum(1) / whole.sum(1)

  everything = jnp.ones_like(trusted)
  return Evidence(
    trusted=share(trusted, everything),
    recalled=share(recalled, everything),
    precision=share(right, trusted),
    recall=share(trusted, clean[None] & everything),
    relabelled=share(right, recalled),
    noise=share(~right, counts),
  )
