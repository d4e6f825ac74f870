"""Picks the arrays of a file that are the images, and their labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from rdd_jax.core.errors import UserError, choose

IMAGES = ('images', 'image', 'x', 'data', 'train_images')
LABELS = ('labels', 'label', 'y', 'targets', 'target', 'train_labels')

RATES = ('syn_lr', 'lr', 'learning_rate')  # learned ones, of MTT and DATM
# What networks call their arrays, in PyTorch and in flax.
WEIGHTS = (
  *('weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked'),
  *('kernel', 'scale', 'mean', 'var'),
)


def pick_images(
  arrays: Mapping[str, np.ndarray], key: str, where: str
) -> tuple[str, np.ndarray]:
  """Returns the images of a file, and their name.

  By a usual name; or else the only array of rank 4, or the only one at all.

  Args:
    arrays: by name.
    key: the name, where the caller knows it.
    where: what errors call the file.

  Raises:
    UserError: if there is none, or more than one, or they are the weights of a
      network.
  """
  if key:
    return key, choose(f'array of {where}', key, arrays)
  found = [n for n, a in arrays.items() if _last(n) in IMAGES and a.ndim > 1]
  weights = [name for name in arrays if _last(name) in WEIGHTS]
  if not found and len(weights) > len(arrays) / 2:
    raise UserError(
      f'{where} holds the weights of a network ({", ".join(weights[:3])}, '
      f'{len(arrays)} arrays), not images; give the file of the distilled set'
    )
  found = found or [name for name, a in arrays.items() if a.ndim == 4]
  if not found and len(arrays) == 1:
    found = [name for name, a in arrays.items() if a.ndim > 1]
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
