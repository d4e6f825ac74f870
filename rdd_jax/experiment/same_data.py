"""Rows that a run began with, and goes on with."""

from __future__ import annotations

from contextlib import suppress
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from rdd_jax.artifact import store
from rdd_jax.core.errors import UserError
from rdd_jax.core.streamed import identity
from rdd_jax.data import Dataset
from rdd_jax.runtime import distributed as meshes
from rdd_jax.runtime.files import read_summed, write_summed
from rdd_jax.runtime.logging import say

FILE = 'rows.json'  # in the work directory; `data.json` is for readers
WORK = ('checkpoints', 'evaluations', store.ARRAYS)  # of rows, beside it


def require_same(directory: Path, dataset: Dataset) -> None:
  """Checks that data are those that a run began with; remembers them if new.

  A checkpoint holds labels, weights and numbers of rows, which mean nothing for
  others. Other pixels are said and no more: decoders of other versions round
  otherwise. Where nothing is done yet, data may be any.

  Args:
    directory: the work directory.
    dataset: as it is distilled from.

  Raises:
    UserError: if there are other rows, labels or groups.
  """
  path, now = directory / FILE, _described(dataset)
  begun = any((directory / name).exists() for name in WORK)
  before = _read(path) if begun else {}
  for what, is_now in now.items():
    was = before.get(what, is_now)
    if was == is_now:
      continue
    if not what.endswith('images'):
      told = f' ({was} then, {is_now} now)' if what.endswith('rows') else ''
      raise UserError(
        f'{directory}: the {what} of {dataset.name} are not those that the run '
        f'began with{told}: put them back, or choose another --workdir'
      )
    say(
      f'{directory}: the {what} of {dataset.name} are not, to the last bit, '
      'those that the run began with: files changed, or are decoded otherwise'
    )
  if before != now and meshes.is_main_process():
    directory.mkdir(parents=True, exist_ok=True)
    write_summed(path, json.dumps(now, indent=1).encode())


def _read(path: Path) -> dict[str, Any]:
  """What rows were; nothing of a version that did not write it."""
  if not path.exists():
    return {}
  with suppress(ValueError):
    found = json.loads(read_summed(path) or b'')
    if isinstance(found, dict):
      return found
  say(f'{path} is damaged: rows are taken for those that the run began with')
  return {}


def _described(dataset: Dataset) -> dict[str, Any]:
  """What rows are, in words that an error has."""
  found = {}
  for split, images, labels, groups in (
    (
      'training',
      dataset.train_images,
      dataset.train_labels,
      dataset.train_groups,
    ),
    ('test', dataset.test_images, dataset.test_labels, dataset.test_groups),
  ):
    found[f'{split} rows'] = len(labels)
    found[f'{split} labels'] = _digest(labels)
    found[f'{split} groups'] = None if groups is None else _digest(groups)
    found[f'{split} images'] = identity(images)
  return found


def _digest(numbers: np.ndarray) -> str:
  return hashlib.sha256(np.asarray(numbers, np.int64).tobytes()).hexdigest()
