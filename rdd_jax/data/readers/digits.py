"""Reads the digits that scikit-learn brings."""

from __future__ import annotations

import numpy as np

from rdd_jax.core.errors import UserError
from rdd_jax.data import images
from rdd_jax.data.dataset import Split


def read_digits(split: str, size: images.Size, channels: int | None) -> Split:
  """Reads the UCI digits; 500 images, by a fixed permutation, are for test.

  Args:
    split: 'train' or 'test'.
    size: see `load`.
    channels: see `load`.

  Raises:
    UserError: for another split.
  """
  from sklearn.datasets import load_digits

  if split not in ('train', 'test'):
    raise UserError(f'digits has no split {split!r}; it has train and test')
  pixels, labels = load_digits(return_X_y=True)
  order = np.random.default_rng(0).permutation(len(labels))
  rows = np.sort(order[:500] if split == 'test' else order[500:])
  scaled = np.rint(np.asarray(pixels) * (255 / 16)).astype(np.uint8)
  return Split(
    images=images.convert(scaled[rows].reshape(-1, 8, 8, 1), size, channels),
    labels=np.asarray(labels)[rows],
    class_names=tuple('0123456789'),
  )
