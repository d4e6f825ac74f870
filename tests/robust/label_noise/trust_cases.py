"""Cases that the tests of trust share."""

from __future__ import annotations

import jax.numpy as jnp

from rdd_jax.robust.label_noise.trust import (
  ProbeOutputs,
)


def opinion(losses, best, labels, preferred) -> ProbeOutputs:
  n = len(losses)
  return ProbeOutputs(
    losses=jnp.asarray(losses, jnp.float32),
    best=jnp.asarray(best, jnp.float32),
    agrees=jnp.asarray(preferred) == jnp.asarray(labels),
    confidence=jnp.exp(-jnp.asarray(best, jnp.float32)),
    preferred=jnp.asarray(preferred),
    features=jnp.zeros((n, 2)),
  )
