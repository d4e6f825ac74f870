"""Reads arrays, of npz or npy files, by the names that people give them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from rdd_jax.core.errors import UserError
from rdd_jax.data import images
from rdd_jax.data.dataset import Split, check_split
from rdd_jax.data.readers import arrays, labels, layout, splits
from rdd_jax.data.readers.request import Request

# Names of a split's images and labels: ours and MedMNIST's, and Keras'.
_KEYS = (
  ('{}_images', '{}_labels'),
  ('x_{}', 'y_{}'),
  ('X_{}', 'y_{}'),
)
# Of data without splits: scikit-learn's, and others'.
_WHOLE = (('X', 'y'), ('x', 'y'), ('images', 'labels'))
_CHANNELS = (1, 3)


def read_npz(file: Path, request: Request) -> list[Split]:
  """Reads splits of an npz or of npy files, and their groups if there.

  `SPLIT_images` and `SPLIT_labels`, or Keras' `x_SPLIT` and `y_SPLIT`; `val`
  stands in for a `test` that is not there, and where neither is, a fifth of
  each class is held out of train. So it is of data without splits, `X` and `y`.
  Images are [N, H, W, C], [N, H, W], [N, C, H, W] or flat squares, labels as
  `labels.numbered` says; `class_names` and `SPLIT_groups` may be there.

  Args:
    file: the npz, or a directory of npy files called by these names.
    request: of 'train', 'test', or another split; 'all' is train with what
      would be held out.

  Returns:
    The splits, with notes of what was not taken as it stands.

  Raises:
    UserError: for a damaged file, a missing array, or one that has no or two
      readings.

  >>> import tempfile
  >>> with tempfile.TemporaryDirectory() as path:
  ...   file = Path(path) / 'a.npz'
  ...   np.savez(file, test_images=np.zeros((1, 4, 4, 1), np.uint8),
  ...            test_labels=np.array([1]))
  ...   read_npz(file, Request('it', ('test',)))[0].class_names
  ('0', '1')
  """
  return [_read(file, name, request) for name in request.splits]


def _read(file: Path, name: str, request: Request) -> Split:
  where = request.name
  there = arrays.keys(file, where)
  train = _find('train', there)
  test = _find('test', there) or _find('val', there) or _find('valid', there)
  whole = name == splits.ALL
  name = 'train' if whole else name
  split = layout.role(name) or name
  found = train if split == 'train' else test if split == 'test' else None
  found = found or _find(name, there)
  held_out = test is None and train is not None and split in ('train', 'test')
  if held_out:
    found = train
  part, images_key, labels_key = found or (name, *_keys(_KEYS[0], name))
  notes = []
  if split == 'test' and part in ('val', 'valid'):
    notes.append(f'{images_key} stand in for test_images')
  elif split == 'test' and not held_out and _find('val', there):
    notes.append('the val arrays are not read beside those of test')
  train_key, test_key = train and train[2], test and test[2]
  optional = {key for key in (train_key, test_key) if key}
  loaded = arrays.read_arrays(
    file,
    where,
    {images_key, labels_key},
    {*optional, f'{part}_groups', 'groups', 'class_names'},
  )
  pixels, said = as_images(loaded[images_key], images_key, where)
  known = labels.numbered(
    {key: loaded[key] for key in {labels_key, *optional} if key in loaded},
    labels_key,
    train_key or '',
    loaded.get('class_names'),
    where,
  )
  groups = loaded.get('groups' if part == '' else f'{part}_groups')
  made = check_split(
    Split(pixels, known.labels, known.names, groups), f'{where}: {name}'
  )
  notes += [*said, *known.notes]
  if held_out and not whole:
    rows = np.array([str(row) for row in range(len(made.labels))], np.str_)
    made, note = splits.hold_out(made._replace(names=rows), split)
    notes.append(note)
    if not len(made.labels):
      raise UserError(
        f'{where} has no class of two rows, of which one could be held out for '
        'test; add x_test and y_test'
      )
  return made._replace(
    images=images.convert(made.images, request.size, request.channels),
    notes=tuple(f'{where}: {note}' for note in notes),
  )


def is_npy(path: Path) -> bool:
  """Tells whether a directory holds npy files by known names, and no images."""
  there = arrays.keys(path, '') if arrays.only(path) else set()
  return any(_find(split, there) for split in ('train', 'test', 'val'))


def as_images(
  values: np.ndarray, key: str, where: str
) -> tuple[np.ndarray, tuple[str, ...]]:
  """Returns images as [N, H, W, C], and notes of what was done to them.

  Args:
    values: `[N, H, W, C]`, `[N, H, W]`, `[N, C, H, W]` or `[N, H * H]`.
    key: what notes call them.
    where: what errors call the file.

  Raises:
    UserError: for images that have no or two readings.

  >>> as_images(np.zeros((5, 9), np.uint8), 'X', 'it')[1]
  ('X [5, 9] are read as gray squares, [5, 3, 3, 1]',)
  """
  shape = list(values.shape)
  if values.ndim == 2:
    side = math.isqrt(shape[1])
    if side**2 != shape[1] or not side:
      raise UserError(
        f'{where}: {key} have shape {shape}: flat rows of what is no square '
        'have no one reading; save them as [N, H, W, C]'
      )
    values = values.reshape(-1, side, side, 1)
    note = f'{key} {shape} are read as gray squares, {list(values.shape)}'
    return values, (note,)
  if values.ndim == 3:
    return values[..., None], ()
  if values.ndim != 4 or shape[1] not in _CHANNELS:
    return values, ()
  if shape[3] in _CHANNELS:
    raise UserError(
      f'{where}: {key} have shape {shape}, which may be [N, H, W, C] or '
      '[N, C, H, W]; pad or resize them'
    )
  values = np.ascontiguousarray(values.transpose(0, 2, 3, 1))
  return values, (f'{key} {shape} are read as [N, C, H, W]',)


def _keys(pair: tuple[str, str], split: str) -> tuple[str, str]:
  return pair[0].format(split), pair[1].format(split)


def _find(split: str, there: set[str]) -> tuple[str, str, str] | None:
  """A split, '' if there are none, and the keys of its images and labels."""
  for pair in _KEYS:
    found = _keys(pair, split)
    if set(found) <= there:
      return split, *found
  if split == 'train':
    for found in _WHOLE:
      if set(found) <= there:
        return '', *found
  return None
