"""Data sets in which some classes, clusters or given groups are rare."""

from __future__ import annotations

from dataclasses import replace

from jax import Array
import numpy as np

from rdd_jax.core.errors import UserError
from rdd_jax.core.keys import generator, named
from rdd_jax.data.dataset import Dataset, take
from rdd_jax.evaluation.shift.clusters import k_means

CLUSTERS = 4  # of which `thin` thins the smallest
RESTARTS = 4  # of k-means; scikit-learn's default differs between versions


def thin(dataset: Dataset, share: float, key: Array) -> Dataset:
  """Keeps a share of the smallest of 4 clusters of pixels of each class.

  Args:
    dataset: see `rare.rarefy`.
    share: of the rows of that cluster.
    key: which rows.
  """
  labels, others = dataset.train_labels, dataset.test_labels
  kept = np.ones(len(labels), bool)
  rare, test_rare = np.zeros(len(labels), bool), np.zeros(len(others), bool)
  for label in range(dataset.num_classes):
    rows = np.flatnonzero(labels == label)
    if len(rows) < 2 * CLUSTERS:
      raise UserError(
        f'class {dataset.class_names[label]!r} of {dataset.name} has '
        f'{len(rows)} rows; thin needs {2 * CLUSTERS} for its clusters'
      )
    rng = generator(named(key, f'class {label}'))
    means = k_means(
      _flat(dataset.train_images[rows]),
      CLUSTERS,
      restarts=RESTARTS,
      seed=int(rng.integers(2**31)),
    )
    found = means.labels_
    smallest = np.bincount(found, minlength=CLUSTERS).argmin()
    inside = rng.permutation(rows[found == smallest])
    rare[inside] = True
    kept[inside[max(1, round(share * len(inside))) :]] = False
    tests = np.flatnonzero(others == label)
    if len(tests):
      nearest = means.predict(_flat(dataset.test_images[tests]))
      test_rare[tests] = nearest == smallest
  return _fewer(dataset, kept, rare, rare, test_rare, test_rare)


def long_tail(dataset: Dataset, factor: float, key: Array) -> Dataset:
  """Lets the sizes of classes fall exponentially.

  Args:
    dataset: see `rare.rarefy`.
    factor: from the first class to the last.
    key: which rows.
  """
  labels, classes = dataset.train_labels, dataset.num_classes
  largest = np.bincount(labels).max()
  kept = np.zeros(len(labels), bool)
  for label in range(classes):
    size = max(1, int(largest * factor ** (-label / (classes - 1))))
    rng = generator(named(key, f'class {label}'))
    kept[rng.permutation(np.flatnonzero(labels == label))[:size]] = True
  third = np.arange(classes) * 3 // classes
  train, test = third[labels], third[dataset.test_labels]
  return _fewer(dataset, kept, train, train == 2, test, test == 2)


def _fewer(
  dataset: Dataset,
  kept: np.ndarray,
  groups: np.ndarray,
  rare: np.ndarray,
  test_groups: np.ndarray,
  test_rare: np.ndarray,
) -> Dataset:
  grouped = replace(
    dataset,
    train_groups=groups.astype(np.int32),
    test_groups=test_groups.astype(np.int32),
    train_rare=rare,
    test_rare=test_rare,
  )
  return take(grouped, np.flatnonzero(kept))


def minority(dataset: Dataset, share: float, key: Array) -> Dataset:
  """Marks groups that are at most a share of the rows of their class.

  Args:
    dataset: see `rare.rarefy`.
    share: of the training rows.
    key: unused, as nothing is drawn.
  """
  del key
  labels, groups = dataset.train_labels, dataset.train_groups
  assert groups is not None
  assert dataset.test_groups is not None
  wide = 1 + int(max(groups.max(), dataset.test_groups.max(), 0))
  rows = np.zeros((dataset.num_classes, wide), np.int64)
  inside = groups >= 0
  np.add.at(rows, (labels[inside], groups[inside]), 1)
  few = rows <= share * rows.sum(1, keepdims=True)

  def rare(labels: np.ndarray, groups: np.ndarray) -> np.ndarray:
    return few[labels, groups] & (groups >= 0)

  return replace(
    dataset,
    train_rare=rare(labels, groups),
    test_rare=rare(dataset.test_labels, dataset.test_groups),
  )


def _flat(pixels: np.ndarray) -> np.ndarray:
  return pixels.reshape(len(pixels), -1).astype(np.float32) / 255
