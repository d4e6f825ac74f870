"""A set with everything that a format may lose."""

from __future__ import annotations

import numpy as np

from rdd_jax.artifact.card import make_card
from rdd_jax.artifact.store import Distilled
from rdd_jax.images.preprocessing import fit


def distilled(factor: int = 1, **card) -> Distilled:
  """Soft labels, unequal weights, an outlier, pixels that are not clipped."""
  rng = np.random.default_rng(0)
  pixels = rng.integers(0, 256, (20, 8, 8, 1), np.uint8)
  made = make_card(
    data={'name': 'digits', 'data_dir': '', 'size': 0, 'channels': 0},
    class_names=tuple('0123456789'),
    label_kind='soft',
    factor=factor,
    network={'name': 'mlp'},
    student=None,
    evaluation={'epochs': 1},
    outside={},
    shift={},
    seeds={'root': 0},
    numbers={},
  )
  return Distilled(
    images=rng.normal(0.5, 0.5, (12, 8, 8, 1)).astype(np.float32),
    targets=rng.dirichlet(np.ones(10), 12).astype(np.float32),
    weights=np.linspace(0.5, 1, 12, dtype=np.float32),
    cells=np.array([*range(10), 3, 10], np.int32),
    preprocessing=fit(pixels, zca=0.1),
    card={**made, **card},
  )
