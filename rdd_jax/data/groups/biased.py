"""Data sets in which a cue goes with the class, in all but a share of rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from jax import Array
import numpy as np

from rdd_jax.core.keys import generator, named
from rdd_jax.data.dataset import Dataset
from rdd_jax.data.groups.cues import Cue
from rdd_jax.data.images import whole


def painted(cue: Cue) -> Callable[[Dataset, float, Array], Dataset]:
  """Returns a function that paints a cue on every image; see `rare.rarefy`."""

  def make(dataset: Dataset, share: float, key: Array) -> Dataset:
    classes = dataset.num_classes
    count = cue.count(classes)
    home = np.empty(classes, np.int64)
    order = generator(named(key, 'classes')).permutation(classes)
    home[order] = np.arange(classes) % count
    if cue.doubled:
      names = dataset.test_names
      dataset = replace(
        dataset,
        test_images=np.repeat(whole(dataset.test_images), count, 0),
        test_labels=np.repeat(dataset.test_labels, count, 0),
        test_names=None if names is None else np.repeat(names, count),
      )
    train, test = named(key, 'train'), named(key, 'test')
    labels = dataset.train_labels, dataset.test_labels
    values = (
      biased(labels[0], home, count, share, train),
      np.arange(len(labels[1])) % count
      if cue.doubled
      else biased(labels[1], home, count, 1 - 1 / count, test),
    )
    rare = [v != home[y] for v, y in zip(values, labels, strict=True)]
    groups = values if cue.by_value else rare
    train_images, test_images = (
      cue.paint(pixels, v, count, generator(named(k, 'paint')))
      for pixels, v, k in (
        (whole(dataset.train_images), values[0], train),
        (whole(dataset.test_images), values[1], test),
      )
    )
    return replace(
      dataset,
      train_images=train_images,
      test_images=test_images,
      train_groups=groups[0].astype(np.int32),
      test_groups=groups[1].astype(np.int32),
      train_rare=rare[0],
      test_rare=rare[1],
    )

  return make


def biased(
  labels: np.ndarray, home: np.ndarray, count: int, share: float, key: Array
) -> np.ndarray:
  """Draws values of a cue, of which a share is not the class's own.

  Args:
    labels: i[N].
    home: i[K], the value of each class.
    count: of values.
    share: of the rows of each class, rounded to whole rows.
    key: which rows; the other values take turns among them.

  Returns:
    i64[N] in [0, count).

  >>> import jax
  >>> labels, home = np.repeat([0, 1], 4), np.array([0, 1])
  >>> values = biased(labels, home, 2, 0.25, jax.random.key(0))
  >>> int((values != labels).sum())
  2
  """
  out = home[labels]
  for label in range(len(home)):
    rng = generator(named(key, f'class {label}'))
    rows = rng.permutation(np.flatnonzero(labels == label))
    first = rng.integers(count - 1)
    rows = rows[: round(share * len(rows))]
    turn = (first + np.arange(len(rows))) % (count - 1)
    out[rows] = (home[label] + 1 + turn) % count
  return out
