"""Reads named arrays: of an npz file, or of a directory of npy files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from rdd_jax.core.errors import UserError, one_line
from rdd_jax.data.readers.walk import has_images
from rdd_jax.runtime import sizes


def keys(file: Path, name: str) -> set[str]:
  """Names the arrays of an npz, or of the npy files of a directory.

  Args:
    file: the path.
    name: what an error calls it.

  Raises:
    UserError: for a file that is no npz.
  """
  if file.is_file() and file.suffix.lower() == '.npy':
    raise UserError(
      f'{name} is one array; give its directory, with the labels in another, '
      'as X.npy and y.npy are'
    )
  if file.is_dir():
    return {entry.stem for entry in file.glob('*.npy')}
  return set(_load(file, name, None))


def only(root: Path) -> bool:
  """Tells whether a directory holds npy files, and no images."""
  return bool(keys(root, '')) and not has_images(root)


def read_arrays(
  file: Path, name: str, wanted: set[str], optional: Iterable[str] = ()
) -> dict[str, np.ndarray]:
  """Reads arrays of an npz or of npy files, by key.

  Args:
    file: the path of the npz, or the directory.
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
  chosen = there & wanted.union(optional)
  if file.is_dir():
    return {key: read_npy(file / f'{key}.npy', name) for key in sorted(chosen)}
  return _load(file, name, chosen)


def read_npy(file: Path, name: str) -> np.ndarray:
  """Maps the array of an npy file.

  Args:
    file: the path.
    name: what an error calls the source.

  Raises:
    UserError: for a file that is no npy of a plain array.
  """
  try:
    return np.load(file, mmap_mode='r', allow_pickle=False)
  # What numpy raises depends on the damage.
  except Exception as error:
    raise UserError(
      f'{name}: {file.name} is no npy of a plain array '
      f'({one_line(error)[:160]}); save it with np.save and no object array'
    ) from error


def _load(
  file: Path, name: str, chosen: set[str] | None
) -> dict[str, np.ndarray]:
  """The chosen arrays, or None in place of each of all."""
  if not file.is_file():
    raise UserError(f'{name} is not a file; check the path')
  try:
    # Numpy does not close what it opened where that is damaged.
    with file.open('rb') as raw:
      sizes.require_arrays(raw, name, chosen or ())
      with np.load(raw, allow_pickle=False) as stored:
        if chosen is None:
          return dict.fromkeys(stored.files, np.empty(0))
        return {key: stored[key] for key in sorted(chosen)}
  except UserError:  # of memory
    raise
  # What numpy and zipfile raise depends on the damage.
  except Exception as error:
    raise UserError(
      f'{name} is not an npz of plain arrays ({one_line(error)[:160]}); save '
      'it with np.savez and no object arrays'
    ) from error
