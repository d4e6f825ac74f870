"""Loads human labels: CIFAR-10N and CIFAR-100N.

Their files, at github.com/UCSC-REAL/cifar-10-100n, need PyTorch to be read;
convert them once:

  labels = torch.load('CIFAR-10_human.pt', weights_only=False)
  np.savez('cifar10n.npz', **labels)

Source: Wei et al., Learning with Noisy Labels Revisited, ICLR 2022.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rdd_jax.core.errors import UserError, choose
from rdd_jax.data.dataset import Dataset, Split, check_split
from rdd_jax.data.readers import arrays, tfds


class LabelSet(NamedTuple):
  """Describes one set of human labels.

  Attributes:
    dataset: 'cifar10' or 'cifar100'.
    key: of the array in the npz.
    feature: in the records of TFDS's `cifar10_n` and `cifar100_n`.
    rate: the fraction of wrong labels.
  """

  dataset: str
  key: str
  feature: str
  rate: float


LABEL_SETS = {
  'worse': LabelSet('cifar10', 'worse_label', 'worse_label', 0.4021),
  'aggregate': LabelSet('cifar10', 'aggre_label', 'aggre_label', 0.0901),
  'random1': LabelSet('cifar10', 'random_label1', 'random_label1', 0.1723),
  'random2': LabelSet('cifar10', 'random_label2', 'random_label2', 0.1812),
  'random3': LabelSet('cifar10', 'random_label3', 'random_label3', 0.1764),
  'noisy': LabelSet('cifar100', 'noisy_label', 'noise_label', 0.4020),
}
_CLASSES = {'cifar10': 10, 'cifar100': 100}


def label_set(name: str) -> LabelSet:
  """Returns the label set of that name.

  Raises:
    UserError: for an unknown name, with the nearest one.

  >>> label_set('worse').rate
  0.4021
  """
  return choose('set of human labels', name, LABEL_SETS)


def human(
  dataset: Dataset, name: str, where: str, data_dir: str | None
) -> np.ndarray:
  """Loads the human labels of the training set.

  Args:
    dataset: with all training images, in the order of the labels.
    name: in `LABEL_SETS`.
    where: an npz with `clean_label`, or `tfds:cifar10_n`, `tfds:cifar100_n`;
      '' looks for `cifar10n.npz` or `cifar100n.npz` in `data_dir` and in the
      directory that it is in.
    data_dir: by default `$RDD_JAX_DATA_DIR`.

  Returns:
    `i32[N]`.

  Raises:
    UserError: if there are none, if the data set has another number of classes,
      or if their clean labels are not those of the data set, image by image.
  """
  chosen = label_set(name)
  if dataset.num_classes != _CLASSES[chosen.dataset]:
    raise UserError(
      f'human-{name} labels the {_CLASSES[chosen.dataset]} classes of '
      f'{chosen.dataset}, but {dataset.name} has {dataset.num_classes}; give '
      'noise with a rate, such as symmetric-0.4'
    )
  if where.startswith('tfds:'):
    source, clean_key, key = where, 'label', chosen.feature
    clean, labels = tfds.read_labels(
      where.removeprefix('tfds:'), 'train', (clean_key, key), data_dir
    )
  else:
    path = Path(where).expanduser() if where else _find(chosen, data_dir)
    source, clean_key, key = str(path), 'clean_label', chosen.key
    found = arrays.read_arrays(path, source, {clean_key, key})
    clean, labels = found[clean_key], found[key]
  clean = _checked(dataset, clean, f'{source}: {clean_key}')
  labels = _checked(dataset, labels, f'{source}: {key}')
  different = int((clean != dataset.train_labels).sum())
  if different:
    raise UserError(
      f'{source}: {clean_key} differs from the labels of {dataset.name} in '
      f'{different} of {len(clean)} rows, so the order differs; give the '
      'labels in the order of the training rows (that of TFDS, which '
      f'shuffles, is data.human_labels=tfds:{chosen.dataset}_n)'
    )
  return labels


def _checked(dataset: Dataset, labels: np.ndarray, what: str) -> np.ndarray:
  split = Split(dataset.train_images, labels, dataset.class_names)
  return check_split(split, what).labels


def _find(chosen: LabelSet, data_dir: str | None) -> Path:
  """Finds the npz in the directory of the data sets, or in its parent."""
  name = f'{chosen.dataset}n.npz'
  root = data_dir or os.environ.get('RDD_JAX_DATA_DIR')
  if not root:
    raise UserError(
      f'human labels: RDD_JAX_DATA_DIR is not set, so {name} was looked for '
      'nowhere; set data.human_labels to its path'
    )
  directory = Path(root).expanduser().absolute()
  for place in (directory, directory.parent):
    if (place / name).is_file():
      return place / name
  raise UserError(
    f'human labels: no {name} in {directory} nor in {directory.parent}; set '
    'data.human_labels to its path'
  )
