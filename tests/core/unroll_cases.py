"""Cases that the tests of unroll share."""

from __future__ import annotations

import jax

from rdd_jax.core.unroll import backprop, checkpointed, tesla, truncated

N = 5


KEYS = jax.random.split(jax.random.key(0), 9)


EXACT = {
  'backprop': backprop(),
  'every_state': checkpointed(1),
  'every_third': checkpointed(3),  # One chunk of three, and two steps.
  'root': checkpointed(None),  # Two chunks of two, and one step.
  'window_of_all': truncated(N, 0),
}


ALL = {
  **EXACT,
  'window': truncated(2, N - 2),
  'tesla_in_window': truncated(3, N - 3, within=tesla()),
  'tesla': tesla(),
}


def at(xs, i):
  return jax.tree.map(lambda x: x[i], xs)
