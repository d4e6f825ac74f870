"""Cases that the tests of third_party share."""

from __future__ import annotations

import numpy as np

from rdd_jax.artifact import third_party

SHAPE, NAMES = (6, 8, 3), ('cat', 'dog', 'emu')


LABELS = np.array([2, 0, 1, 1, 0, 2])


BYTES = np.random.default_rng(0).integers(0, 256, (6, *SHAPE), np.uint8)


def understood(raw, **options):
  return third_party.understand(raw, SHAPE, NAMES, 'it', **options)
