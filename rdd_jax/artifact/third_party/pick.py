"""Picks the arrays of a file that are the images, and their labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from rdd_jax.core.errors import UserError, choose

IMAGES = ('images', 'image', 'x', 'data', 'train_images')
LABELS = ('labels', 'label', 'y', 'targets', 'target', 'train_labels')


def pick_images(
  arrays: Mapping[str, np.ndarray], key: str, where: str
) -> tuple[str, np.ndarray]:
  """Returns the images of a file, and their name.

  By a usual name; or else the only array of rank 4.

  Args:
    arrays: by name.
    key: the name, where the caller knows it.
    where: what errors call the file.

  Raises:
    UserError: if there is none, or more than one.
  """
  if key:
    return key, choose(f'array of {where}', key, arrays)
  found = [n for n, a in arrays.items() if _last(n) in IMAGES and a.ndim > 1]
  found = found or [name for name, a in arrays.items() if a.ndim == 4]
  return _only(arrays, found, 'images', where)


def pick_labels(
  arrays: Mapping[str, np.ndarray],
  key: str,
  where: str,
  rows: int,
  images: str = '',
) -> np.ndarray | None:
  """Returns the labels of a file, or None.

  By a usual name; or else the only array with one row for each image.

  Args:
    arrays: by name.
    key: the name, where the caller knows it.
    where: what errors call the file.
    rows: images.
    images: the name of the images, if they are in the file.

  Returns:
    The labels; None where nothing could be them.

  Raises:
    UserError: if more than one array could be.
  """
  if key:
    return choose(f'array of {where}', key, arrays)
  able = [
    name
    for name, a in arrays.items()
    if name != images and a.ndim in (1, 2) and len(a) == rows
  ]
  found = [name for name in able if _last(name) in LABELS] or able
  return _only(arrays, found, 'labels', where)[1] if found else None


def _only(
  arrays: Mapping[str, np.ndarray], found: Sequence[str], what: str, where: str
) -> tuple[str, np.ndarray]:
  if len(found) == 1:
    return found[0], arrays[found[0]]
  names = found or list(arrays)
  told = ', '.join(f'{n} {list(arrays[n].shape)}' for n in names[:6])
  more = ', ...' if len(names) > 6 else ''
  which = 'several arrays that could be' if found else 'nothing that looks like'
  raise UserError(
    f'{where} has {which} {what} ({told or "no array at all"}{more}); pass '
    f'--{what}_key={names[0] if names else "NAME"}, or whichever it is'
  )


def _last(name: str) -> str:
  return name.rpartition('.')[2]
