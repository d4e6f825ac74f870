"""The risk of group DRO as released: computed, and without any effect.

The released code of Vahidian et al. copies losses into NumPy before it makes
their risk. What it minimizes is `CE + (risk - CE)`, whose second term is a
constant: its gradient is that of the cross entropy, to the last bit. Here it is
a control, to be compared with `tilt`, whose weights act.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
from jax import Array
import jax.numpy as jnp

from rdd_jax.core.batch import Batch
from rdd_jax.core.numerics import safe_divide
from rdd_jax.core.risk import Risk, mean
from rdd_jax.core.transform import (
  DataSpec,
  ScoreFn,
  State,
  Transform,
  from_update,
)
from rdd_jax.robust.groups.cvar import tilt


class Seen(NamedTuple):
  """The state of `tilt`, and the risk of the newest batch, `f[]`."""

  tilted: State
  risk: Array


def observe(
  risk: Risk, num_groups: int, *, within: Risk = mean(), memory: int = 0
) -> Transform:
  """Computes the risk that `tilt` makes small, and leaves all weights alone.

  Args:
    risk: across groups.
    num_groups: rows with a group outside `[0, num_groups)` have none.
    within: across the rows of a group.
    memory: as in `tilt`.

  Source: the code of Vahidian et al., arXiv 2402.04676.

  >>> from rdd_jax.core.measure import empirical, rows_of
  >>> from rdd_jax.core.risk import worst
  >>> from rdd_jax.core.transform import Scores
  >>> measure = empirical([0, 0], 1, groups=[0, 1])
  >>> rows = rows_of(measure, jnp.arange(2), jnp.array([[1.0], [3.0]]))
  >>> score = lambda batch: Scores(batch.inputs[:, 0], None, None)
  >>> t = observe(worst(), 2)
  >>> update = jax.jit(t.update, static_argnames='score')
  >>> new, state = update(
  ...   rows, t.init(None), key=None, score=score, synthetic=None
  ... )
  >>> new.weights.tolist(), state.risk.tolist()
  ([1.0, 1.0], 3.0)
  """
  live = tilt(risk, num_groups, within=within, memory=memory)

  def init(spec: DataSpec) -> State:
    return Seen(live.init(spec), jnp.zeros([]))

  def update(
    batch: Batch,
    state: State,
    *,
    key: Array,
    score: ScoreFn,
    synthetic: Batch,
  ) -> tuple[Batch, State]:
    new, tilted = live.update(
      batch, state.tilted, key=key, score=score, synthetic=synthetic
    )
    weights = jax.lax.stop_gradient(new.weights)
    losses = score(batch).losses
    value = safe_divide(jnp.sum(weights * losses), weights.sum())
    return batch, Seen(tilted, value)

  return from_update(init, update)
