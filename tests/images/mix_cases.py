"""Rows that the tests of mixing share."""

from __future__ import annotations

import jax.numpy as jnp

from rdd_jax.core.batch import Batch


def batch(n: int, weights=None) -> Batch:
  """Rows of constant images, so that a row tells where its pixels are from."""
  rows = jnp.arange(n)
  return Batch(
    inputs=jnp.broadcast_to(
      rows.astype(jnp.float32)[:, None, None, None], (n, 8, 8, 1)
    ),
    targets=jnp.eye(n),
    weights=jnp.ones(n) if weights is None else weights,
    cells=rows,
    groups=rows,
    index=rows,
  )
