"""Reads splits by the scheme of a name, and says what readers noted."""

from __future__ import annotations

from dataclasses import replace
import difflib
from pathlib import Path

from rdd_jax.core import plugins
from rdd_jax.core.errors import UserError
from rdd_jax.core.streamed import HostImages, Streamed
from rdd_jax.data import images
from rdd_jax.data.dataset import Dataset, Split, check_split
from rdd_jax.data.readers import (
  digits,
  idx,
  npz,
  parquet,
  saved,
  subgroups,
  table,
  tfds,
  unlabeled,
)
from rdd_jax.data.readers.recognize import Reader, read_any
from rdd_jax.data.readers.request import Request
from rdd_jax.data.readers.splits import ALL
from rdd_jax.images.published import SHAPES
from rdd_jax.runtime.logging import say

PATHS: dict[str, Reader] = {
  'folder': read_any,
  'csv': table.read_csv,
  'parquet': parquet.read_parquet,
  'hf': saved.read_saved,
  'npz': npz.read_npz,
  'npy': npz.read_npz,
  'idx': idx.read_idx,
  'waterbirds': subgroups.read_waterbirds,
  'celeba': subgroups.read_celeba,
}
OWN = 'python'
_HELP = (
  f'digits, tfds:NAME, {", ".join(f"{scheme}:PATH" for scheme in PATHS)} or '
  'python:MODULE:FUNCTION'
)


def read(request: Request) -> list[Split]:
  """Reads and checks splits, and prints the notes of their readers.

  Args:
    request: of splits as `load_split` knows them.

  Raises:
    UserError: as `load` does.
  """
  name = request.name
  scheme, colon, where = name.partition(':')
  if scheme not in PATHS:  # nothing is held out of others
    splits = tuple('train' if s == ALL else s for s in request.splits)
    request = request._replace(splits=splits)
  if name == 'digits':
    found = digits.read_digits(request)
  elif scheme == 'tfds' and where:
    found = tfds.read(request)
  elif scheme in PATHS and where:
    found = PATHS[scheme](Path(where).expanduser(), request)
  else:
    raise UserError(_unknown(name, scheme, colon + where))
  _require_stream(request, found[0].images)
  if not request.labeled:
    found = [unlabeled.without_class(s) for s in found]
  for note in dict.fromkeys(note for s in found for note in s.notes):
    say(note)
  return [
    check_split(s, f'{name}: {split}')
    for s, split in zip(found, request.splits, strict=True)
  ]


def own(
  name: str, where: str, size: images.Size, channels: int | None
) -> Dataset:
  """Calls the user's function, resizes its images, and names the data set.

  Args:
    name: `python:WHERE`.
    where: `MODULE:FUNCTION`.
    size: see `load`.
    channels: see `load`.

  Raises:
    UserError: if it cannot be called, or returns something else.
  """
  found = plugins.call(f'data set {name}', where, Dataset)
  return replace(
    found,
    name=name,
    train_images=images.convert(found.train_images, size, channels),
    test_images=images.convert(found.test_images, size, channels),
  )


def one_of(dataset: Dataset, split: str) -> Split:
  """Returns a split of a data set.

  Args:
    dataset: of `own`.
    split: 'train' or 'test'.

  Raises:
    UserError: for another.
  """
  values = vars(dataset)
  if f'{split}_images' not in values:
    raise UserError(
      f'{dataset.name} has no split {split!r}; it has train and test'
    )
  return Split(
    values[f'{split}_images'],
    values[f'{split}_labels'],
    dataset.class_names,
    values[f'{split}_groups'],
    values[f'{split}_names'],
  )


def _require_stream(request: Request, images: HostImages) -> None:
  if not isinstance(images, Streamed) and request.pool is not None:
    raise UserError(
      f'{request.name} is read into memory whole, and cannot be streamed: what '
      'can are image files, by folder: or csv:, and array_record files, by '
      'tfds:; leave out --config.data.stream'
    )


def _unknown(name: str, scheme: str, rest: str) -> str:
  known = ['digits', *(f'tfds:{n}' for n in SHAPES)]
  near = difflib.get_close_matches(name, known, n=2)
  if not near and len(rest) > 1:
    schemes = difflib.get_close_matches(scheme, ['tfds', OWN, *PATHS], n=1)
    near = [s + rest for s in schemes]
  hint = f'did you mean {" or ".join(near)}? ' if near else ''
  return f'unknown data set {name!r}; {hint}names are {_HELP}'
