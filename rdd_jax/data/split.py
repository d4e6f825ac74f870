"""Splits training rows for validation, stratified by class."""

from __future__ import annotations

import jax
from jax import Array
import numpy as np

from rdd_jax.core.errors import UserError
from rdd_jax.core.keys import named
from rdd_jax.data.dataset import Dataset


def split_validation(
  dataset: Dataset, size: float, key: Array
) -> tuple[np.ndarray, np.ndarray]:
  """Splits the training rows in two, each class in proportion.

  Class sizes are apportioned by largest remainder, so that the total is
  exact and every class is within one row of its share.

  Args:
    dataset: whose training rows to split.
    size: an int is the number of validation rows; a float in (0, 1) is
      their fraction.
    key: which rows; the same key gives the same rows.

  Returns:
    (i64[N - V], i64[V]): training and validation rows, each in order.

  Raises:
    UserError: when a class would be left without a training row.

  >>> from rdd_jax.data.mock import mock
  >>> data = mock((4, 4, 1), num_classes=2, n=10)
  >>> train, validation = split_validation(data, 0.2, jax.random.key(0))
  >>> len(train), data.train_labels[validation]
  (8, array([0, 1], dtype=int32))
  """
  labels = dataset.train_labels
  count = size if isinstance(size, int) else round(size * len(labels))
  if not 0 < count < len(labels):
    raise UserError(
      f'a validation split of {size} does not divide {len(labels)} rows; '
      'give a fraction in (0, 1) or a smaller count'
    )
  rows = np.bincount(labels, minlength=dataset.num_classes)
  share = count * rows / len(labels)
  taken = np.floor(share).astype(int)
  largest = np.argsort(taken - share, kind='stable')
  taken[largest[: count - taken.sum()]] += 1
  if (taken >= rows).any():
    name = dataset.class_names[int(np.argmax(taken >= rows))]
    raise UserError(
      f'a validation split of {size} leaves class {name!r} without a training '
      'row; give a smaller one'
    )
  order = np.asarray(
    jax.random.permutation(named(key, 'validation'), len(labels))
  )
  by_class = order[np.argsort(labels[order], kind='stable')]
  rank = np.arange(len(labels)) - np.repeat(np.cumsum(rows) - rows, rows)
  held_out = rank < np.repeat(taken, rows)
  return np.sort(by_class[~held_out]), np.sort(by_class[held_out])
