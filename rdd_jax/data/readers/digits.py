"""Reads the digits that scikit-learn brings."""

from __future__ import annotations

import numpy as np

from rdd_jax.core.errors import UserError
from rdd_jax.data import images
from rdd_jax.data.dataset import Split
from rdd_jax.data.readers.request import Request


def read_digits(request: Request) -> list[Split]:
  """Reads the UCI digits; 500 images, by a fixed permutation, are for test.

  Args:
    request: of 'train' and 'test'.

  Raises:
    UserError: for another split.
  """
  from sklearn.datasets import load_digits

  pixels, labels = map(np.asarray, load_digits(return_X_y=True))
  scaled = np.rint(pixels * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8, 1)
  order = np.random.default_rng(0).permutation(len(labels))
  rows = {'test': np.sort(order[:500]), 'train': np.sort(order[500:])}
  out = []
  for split in request.splits:
    if split not in rows:
      raise UserError(f'digits has no split {split!r}; it has train and test')
    found = scaled[rows[split]]
    found = images.convert(found, request.size, request.channels)
    out.append(Split(found, labels[rows[split]], tuple('0123456789')))
  return out
