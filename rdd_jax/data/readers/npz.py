"""Reads npz files, by the names of arrays that people give them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from rdd_jax.core.errors import UserError, one_line
from rdd_jax.data import images
from rdd_jax.data.dataset import Split, check_split
from rdd_jax.data.readers import labels

# Names of a split's images and labels: ours and MedMNIST's, and Keras'.
_KEYS = (
  ('{}_images', '{}_labels'),
  ('x_{}', 'y_{}'),
  ('X_{}', 'y_{}'),
)
_CHANNELS = (1, 3)


def read_npz(
  path: str, split: str, size: images.Size, channels: int | None
) -> Split:
  """Reads a split of an npz, and its groups if there.

  `SPLIT_images` and `SPLIT_labels`, or Keras' `x_SPLIT` and `y_SPLIT`; `val`
  stands in for a `test` that is not there. Images are [N, H, W, C], [N, H, W]
  or [N, C, H, W], labels as `labels.numbered` says; `class_names` and
  `SPLIT_groups` may be there.

  Args:
    path: of the file.
    split: 'train', 'test', or another name.
    size: see `load`.
    channels: see `load`.

  Returns:
    The split, with notes of what was not taken as it stands.

  Raises:
    UserError: for a damaged file, a missing array, or one that has no or two
      readings.

  >>> import tempfile
  >>> with tempfile.NamedTemporaryFile(suffix='.npz') as file:
  ...   np.savez(file, test_images=np.zeros((1, 4, 4, 1), np.uint8),
  ...            test_labels=np.array([1]))
  ...   read_npz(file.name, 'test', None, 3).class_names
  ('0', '1')
  """
  where, file = f'npz:{path}', Path(path).expanduser()
  there = keys(file, where)
  part, images_key, labels_key = _find(split, there)
  _, _, train_key = _find('train', there)
  _, _, test_key = _find('test', there)
  groups_key, notes = f'{part}_groups', []
  if part != split:
    notes.append(f'{images_key} stand in for {split}_images')
  elif split == 'test' and _has('val', there):
    notes.append('the val arrays are not read beside those of test')
  arrays = read_arrays(
    file,
    where,
    {images_key, labels_key},
    {train_key, test_key, groups_key, 'class_names'},
  )
  pixels = arrays[images_key]
  if pixels.ndim == 3:
    pixels = pixels[..., None]
  elif _channels_first(pixels, f'{where}: {images_key}'):
    notes.append(f'{images_key} {list(pixels.shape)} are read as [N, C, H, W]')
    pixels = np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))
  known = labels.numbered(
    {
      key: arrays[key]
      for key in (labels_key, train_key, test_key)
      if key in arrays
    },
    labels_key,
    train_key,
    arrays.get('class_names'),
    where,
  )
  found = check_split(
    Split(pixels, known.labels, known.names, arrays.get(groups_key)),
    f'{where}: {split}',
  )
  return found._replace(
    images=images.convert(found.images, size, channels),
    notes=tuple(f'{where}: {note}' for note in (*notes, *known.notes)),
  )


def _has(split: str, there: set[str]) -> bool:
  return any({i.format(split), j.format(split)} <= there for i, j in _KEYS)


def _find(split: str, there: set[str]) -> tuple[str, str, str]:
  """The split that is read and the keys of its images and labels."""
  for name in (split, 'val', 'valid') if split == 'test' else (split,):
    for pair in _KEYS:
      image_key, label_key = (key.format(name) for key in pair)
      if {image_key, label_key} <= there:
        return name, image_key, label_key
  return split, f'{split}_images', f'{split}_labels'


def _channels_first(values: np.ndarray, what: str) -> bool:
  """Tells whether images are [N, C, H, W]."""
  if values.ndim != 4 or values.shape[1] not in _CHANNELS:
    return False
  if values.shape[3] in _CHANNELS:
    raise UserError(
      f'{what} have shape {list(values.shape)}, which may be [N, H, W, C] or '
      '[N, C, H, W]; pad or resize them'
    )
  return True


def keys(file: Path, name: str) -> set[str]:
  """Names the arrays of an npz.

  Args:
    file: the path.
    name: what an error calls it.

  Raises:
    UserError: for a file that is no npz.
  """
  return set(_load(file, name, None))


def read_arrays(
  file: Path, name: str, wanted: set[str], optional: Iterable[str] = ()
) -> dict[str, np.ndarray]:
  """Reads arrays of an npz, by key.

  Args:
    file: the path.
    name: what an error calls it.
    wanted: keys that must be there.
    optional: keys that are read where they are there.

  Raises:
    UserError: for a file that is no npz of plain arrays, or lacks a key.
  """
  there = keys(file, name)
  if not wanted <= there:
    raise UserError(
      f'{name} lacks {", ".join(sorted(wanted - there))} (it has '
      f'{", ".join(sorted(there)) or "nothing"}); save the arrays so named'
    )
  return _load(file, name, there & wanted.union(optional))


def _load(
  file: Path, name: str, chosen: set[str] | None
) -> dict[str, np.ndarray]:
  """The chosen arrays, or None in place of each of all."""
  if not file.is_file():
    raise UserError(f'{name} is not a file; check the path')
  try:
    # Numpy does not close what it opened where that is damaged.
    with file.open('rb') as raw, np.load(raw, allow_pickle=False) as stored:
      if chosen is None:
        return dict.fromkeys(stored.files, np.empty(0))
      return {key: stored[key] for key in sorted(chosen)}
  # What numpy and zipfile raise depends on the damage.
  except Exception as error:
    raise UserError(
      f'{name} is not an npz of plain arrays ({one_line(error)[:160]}); save '
      'it with np.savez and no object arrays'
    ) from error
