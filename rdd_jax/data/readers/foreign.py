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


class _Format(NamedTuple):
  """What all these patterns match is that kind of thing, and what to do."""

  patterns: tuple[str, ...]
  kind: str
  advice: str


_FORMATS = (
  _Format(
    ('data_batch_1.bin',),
    "CIFAR-10's binary version",
    _PREPARE.format('cifar10'),
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
