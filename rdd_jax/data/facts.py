"""Describes a data set in numbers and words, for its card or a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rdd_jax.data.dataset import Dataset

FILE = 'data.json'  # beside a run's results


def facts(
  dataset: Dataset, injected: Sequence[str] = (), *, judged: bool = True
) -> dict[str, Any]:
  """Returns what a data set is, as it is distilled from, for JSON.

  Args:
    dataset: with its noise and its groups.
    injected: what was done to it on purpose, in sentences.
    judged: whether its test split is used.

  Returns:
    `name`; `train` and `test`, numbers of examples; `classes`, their number;
    `smallest` and `largest`, each the `class` and its number of training
    `examples`; `image`, (H, W, C); `groups`, how many are known; `changed`,
    what its readers did; `injected`.

  >>> from rdd_jax.data.mock import mock
  >>> found = facts(mock((4, 4, 1), num_classes=2, n=9))
  >>> found['train'], found['smallest'], found['image']
  (9, {'class': '1', 'examples': 4}, [4, 4, 1])
  """
  sizes = np.bincount(dataset.train_labels, minlength=dataset.num_classes)
  groups = dataset.train_groups
  notes = [line.removeprefix(f'{dataset.name}: ') for line in dataset.notes]

  def of_class(c: np.integer) -> dict[str, Any]:
    return {'class': dataset.class_names[c], 'examples': int(sizes[c])}

  return {
    'name': dataset.name,
    'train': len(dataset.train_labels),
    'test': len(dataset.test_labels) if judged else 0,
    'classes': dataset.num_classes,
    'smallest': of_class(sizes.argmin()),
    'largest': of_class(sizes.argmax()),
    'image': list(dataset.image_shape),
    'groups': 0 if groups is None else int(groups.max()) + 1,
    'changed': notes,
    'injected': list(injected),
  }
