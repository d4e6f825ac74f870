"""Cases that the tests of sets share."""

from __future__ import annotations

import numpy as np

from rdd_jax import data


def images(n=12, shape=(9, 9, 3), seed=0):
  return np.random.default_rng(seed).integers(0, 256, (n, *shape), np.uint8)


def load(names, like=None, rows=6, seed=0, **kwargs):
  like = images() if like is None else like
  return data.load_ood(names, like, rows, seed=seed, **kwargs)


def alone(name, *args, **kwargs):
  (found,) = load([name], *args, **kwargs)
  return found


def correlation(x):
  """Of pixels with those to their right."""
  left, right = x[:, :, :-1].ravel(), x[:, :, 1:].ravel()
  return np.corrcoef(left.astype(float), right.astype(float))[0, 1]


def npz(path, n=10, split='test', shape=(5, 7, 1)):
  """Rows that are told apart by their grey, which resizing keeps."""
  pixels = np.broadcast_to(
    np.arange(n, dtype=np.uint8).reshape(-1, 1, 1, 1), (n, *shape)
  )
  more = {f'{split}_images': pixels, f'{split}_labels': np.zeros(n, int)}
  stored = dict(np.load(path)) if path.exists() else {}
  np.savez(path, **{**stored, **more})
  return f'npz:{path}'
