"""Cases that the tests of kinds share."""

from __future__ import annotations

import jax
import numpy as np

KEY = jax.random.key(0)


def pixels(*shape: int) -> np.ndarray:
  return np.random.default_rng(0).random(shape, np.float32)


def run(f, x) -> np.ndarray:
  return np.asarray(jax.jit(f)(KEY, x))
