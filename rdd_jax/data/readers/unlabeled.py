"""Reads images of which no labels are needed: out-of-distribution sets."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from rdd_jax.core.errors import UserError
from rdd_jax.data import images
from rdd_jax.data.dataset import Split, check_split
from rdd_jax.data.readers import (
  arrays,
  layout,
  listing,
  npz,
  recognize,
  splits,
)
from rdd_jax.data.readers.report import Report, some
from rdd_jax.data.readers.request import Request

CLASS = 'image'  # the only one there is
_KEYS = ('{}_images', 'x_{}', 'X_{}')
_WHOLE = ('X', 'x', 'images', 'data')


def read(path: Path, request: Request) -> Split:
  """Reads any images below a path, or any array of them.

  Of a directory these are the images in its directory of that split, or else
  all; of an npz or npy file the array of that split, or else the only one. Of
  what has no splits, a fifth is test and the rest is train, as in a folder of
  classes, so that what is trained on is never tested on. Other layouts that
  `recognize` knows are read with their labels.

  Args:
    path: of a directory, `.npz` or `.npy`.
    request: of one split: 'train', 'test', another, or 'all' of what has none.

  Returns:
    The images, all of class 0.

  Raises:
    UserError: for what holds no images, or several arrays.
  """
  where, (split,) = request.name, request.splits
  if path.suffix.lower() == '.npy' and path.is_file():
    return _arrays(path, split, request)
  place, reader = recognize.find(path, where)
  if reader is npz.read_npz or (reader is None and arrays.only(place)):
    return _arrays(place, split, request)
  if reader is not None:
    return reader(place, request)[0]
  found = layout.find(path, where)
  whole = splits.ALL if split == splits.ALL else layout.role(split) or split
  part = layout.part_of(found, 'train' if whole == splits.ALL else whole)
  report = Report(where)
  source = splits.Source(
    report,
    (CLASS,),
    {part: layout.shown(found, part) for part in found.parts},
    lambda part: listing.list_images(found.parts[part], found.root, report),
    partial(layout.count_rest, found, report),
  )
  return splits.read(source, {whole: part}, request)[0]


def without_class(found: Split) -> Split:
  """Gives rows that have no label, which is -1 in TFDS, a class of no name.

  As of the unlabeled split of STL-10. In JAX and NumPy -1 is the last class.

  >>> found = Split(np.zeros((2, 1, 1, 1), np.uint8), np.array([-1, 0]), ('a',))
  >>> without_class(found).labels.tolist(), without_class(found).class_names
  ([1, 0], ('a', ''))
  """
  none = found.labels == -1
  if not none.any():
    return found
  return found._replace(
    labels=np.where(none, len(found.class_names), found.labels),
    class_names=(*found.class_names, ''),
  )


def _arrays(path: Path, split: str, request: Request) -> Split:
  where = request.name
  if path.suffix.lower() == '.npy':
    key, held_out = path.stem, True
    values = arrays.read_npy(path, where)
  else:
    key, held_out = _key(arrays.keys(path, where), where, split)
    values = arrays.read_arrays(path, where, {key})[key]
  values, notes = npz.as_images(values, key, where)
  found = check_split(
    Split(
      values,
      np.zeros(len(values), np.int32),
      (CLASS,),
      names=np.arange(len(values)).astype(np.str_),
    ),
    f'{where}: {key}',
  )
  if held_out and split != splits.ALL:
    found, note = splits.hold_out(found, layout.role(split) or split)
    notes = (*notes, note)
  if not len(found.labels):
    raise UserError(f'{where} has no two images, of which one is for test')
  return found._replace(
    images=images.convert(found.images, request.size, request.channels),
    notes=tuple(f'{where}: {note}' for note in notes),
  )


def _key(there: set[str], where: str, split: str) -> tuple[str, bool]:
  """The array of a split, and whether it is shared by train and test."""
  by_part = {
    part: key.format(part)
    for part in ('train', 'val', 'test', split)
    for key in _KEYS
    if key.format(part) in there
  }
  wanted = 'train' if split == splits.ALL else layout.role(split) or split
  part = splits.part_of(by_part, wanted)
  if part is not None:
    return by_part[part], splits.holds_out(by_part) and part == 'train'
  whole = [key for key in _WHOLE if key in there] or sorted(there)
  if by_part or len(whole) != 1:
    raise UserError(
      f'{where} has no images of {split} (it has {some(sorted(there))}); call '
      'the array of images X'
    )
  return whole[0], True
