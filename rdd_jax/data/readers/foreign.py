"""Recognizes directories of other formats than a folder of classes."""

from __future__ import annotations

import os
from pathlib import Path
import shlex
from typing import NamedTuple

from rdd_jax.core.errors import UserError

_PREPARE = (
  "read it as tfds:{0}, after pip install 'rdd_jax[prepare]' && "
  'python -m rdd_jax.data.prepare {0}'
)
# TFDS has no Tiny ImageNet.
_SORT = (
  'sort val/ by class and put test/, which has no labels, away: cd {} && mv '
  'test unlabeled && cd val && while read -r f c _; do mkdir -p $c && mv '
  'images/$f $c/; done < val_annotations.txt && rmdir images'
)


class _Format(NamedTuple):
  """What all these patterns match is that kind of thing, and what to do."""

  patterns: tuple[str, ...]
  kind: str
  advice: str


_FORMATS = (
  _Format(
    ('data_batch_1', 'batches.meta'),
    "CIFAR-10's pickles for Python (cifar-10-batches-py)",
    _PREPARE.format('cifar10'),
  ),
  _Format(
    ('data_batch_1.bin',),
    "CIFAR-10's binary version",
    _PREPARE.format('cifar10'),
  ),
  _Format(
    ('train', 'test', 'meta', 'file.txt~'),
    "CIFAR-100's pickles for Python (cifar-100-python)",
    _PREPARE.format('cifar100'),
  ),
  _Format(
    ('val/val_annotations.txt', 'val/images/*'),
    'Tiny ImageNet as published (tiny-imagenet-200)',
    _SORT,
  ),
  _Format(
    ('dataset_info.json',),
    'a data set that TFDS prepared',
    'read it as tfds:NAME',
  ),
  _Format(('list_attr_celeba.*',), 'CelebA', 'read it as celeba:{}'),
  _Format(('*-idx[13]-ubyte*',), "MNIST's IDX files", 'read it as idx:{}'),
)


def refuse_foreign(root: Path, where: str) -> None:
  """Raises a UserError for a directory that is recognizably something else.

  Args:
    root: the directory, which may also hold the other as its only one.
    where: what the error calls it.

  >>> refuse_foreign(Path(__file__).parent, 'folder:readers')
  """
  inside = [entry for entry in root.iterdir() if os.path.isdir(entry)]
  for place in [root, *(inside if len(inside) == 1 else ())]:
    for patterns, kind, advice in _FORMATS:
      if all(any(place.glob(pattern)) for pattern in patterns):
        raise UserError(
          f'{where} is {kind}; {advice.format(shlex.quote(str(place)))}'
        )
