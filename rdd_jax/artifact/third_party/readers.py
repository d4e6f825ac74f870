"""Files to named arrays: a reader for each format, and none unpickles."""

from __future__ import annotations

from collections.abc import Callable
import hashlib
import importlib
import io
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rdd_jax.artifact.store import read_bytes, unpack
from rdd_jax.artifact.third_party.torch_files import tensors
from rdd_jax.core.errors import UserError, one_line
from rdd_jax.data.readers.files import read_classes

CARD = 'card'  # the name of a card in an npz or in safetensors' metadata
DIGEST = 'arrays_sha256'  # of a card in such a file; see `digest`


class Raw(NamedTuple):
  """What a file holds.

  Attributes:
    arrays: by name; nested ones as 'data.0.1'.
    class_names: what labels count, of an image folder.
    card: of a set that rdd_jax wrote.
    sha256: that the card came with, of the arrays; see `digest`.
  """

  arrays: dict[str, np.ndarray]
  class_names: tuple[str, ...] = ()
  card: dict[str, Any] | None = None
  sha256: str | None = None


def read(path: Path, channels: int | None = None) -> Raw:
  """Reads npz, npy, `.safetensors`, `.pt`, `.pth`, or a directory of images.

  Args:
    path: of the file, or of a directory with one for each class.
    channels: that images of a directory are converted to; 1 or 3.

  Raises:
    UserError: if it is not there, damaged, of another format, or the library
      that reads it is not installed.
  """
  if path.is_dir():
    return read_folder(path, channels)
  if not path.exists():
    raise UserError(f'{path} does not exist; give a distilled set')
  if path.suffix not in READERS:
    raise UserError(
      f'{path} ends in {path.suffix or "nothing"!r}; give one of '
      f'{", ".join(READERS)}, or a directory of images'
    )
  return READERS[path.suffix](path)


def read_npz(path: Path) -> Raw:
  """Reads the arrays of an npz."""
  arrays = unpack(read_bytes(path), path)
  card = arrays.get(CARD)
  if card is None or card.dtype.kind != 'U':
    return Raw(arrays)
  del arrays[CARD]
  return _described(arrays, str(card), path)


def read_npy(path: Path) -> Raw:
  """Reads the one array of an npy, which is called 'array'.

  Raises:
    UserError: if it cannot be read, or holds pickled objects.
  """
  try:
    found = np.load(io.BytesIO(read_bytes(path)), allow_pickle=False)
  except (ValueError, EOFError, OSError) as error:
    raise UserError(
      f'{path} is damaged or no npy of plain numbers ({one_line(error)}); copy '
      'it again, or save it by np.save without objects'
    ) from error
  if not isinstance(found, np.ndarray):  # an npz by this name
    return read_npz(path)
  return Raw({'array': found})


def read_safetensors(path: Path) -> Raw:
  """Reads the tensors of a `.safetensors` file."""
  library = _library('safetensors', path, "pip install 'rdd_jax[safetensors]'")
  try:
    with library.safe_open(path, framework='numpy') as file:
      metadata = file.metadata() or {}
      arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
  except (OSError, TypeError, library.SafetensorError) as error:
    raise UserError(
      f'{path} is damaged or no safetensors file ({one_line(error)}); copy it '
      'again'
    ) from error
  card = metadata.get(CARD)
  return Raw(arrays) if card is None else _described(arrays, card, path)


def read_torch(path: Path) -> Raw:
  """Reads the tensors of a PyTorch file, with `weights_only`."""
  torch = _library('torch', path, "pip install 'rdd_jax[torch]'")
  return Raw(tensors(torch, path))


def read_folder(path: Path, channels: int | None) -> Raw:
  """Reads images of `PATH/CLASS/**`, classes in sorted order.

  Args:
    path: the directory.
    channels: of the images; see `rdd_jax.data.load`.

  Raises:
    UserError: if there is no image, or one cannot be read.
  """
  found = read_classes(path, channels=channels)
  return Raw(
    {'images': found.images, 'labels': found.labels}, found.class_names
  )


READERS: dict[str, Callable[[Path], Raw]] = {
  '.npz': read_npz,
  '.npy': read_npy,
  '.safetensors': read_safetensors,
  '.pt': read_torch,
  '.pth': read_torch,
}


def digest(arrays: dict[str, np.ndarray]) -> str:
  """Computes the SHA-256 of named arrays, whatever file they stand in."""
  found = hashlib.sha256()
  for name in sorted(arrays):
    array = np.ascontiguousarray(arrays[name])
    found.update(f'{name} {array.dtype.str} {array.shape} '.encode())
    found.update(array.tobytes())
  return found.hexdigest()


def _library(name: str, path: Path, install: str) -> Any:
  try:
    return importlib.import_module(name)
  except ModuleNotFoundError as error:
    raise UserError(
      f'reading {path} needs {name}, which is not installed; {install}, or '
      'save the set as npz'
    ) from error


def _described(arrays: dict[str, np.ndarray], text: str, path: Path) -> Raw:
  try:
    card = json.loads(text)
    sha256 = card.pop(DIGEST, None)
  except (ValueError, AttributeError) as error:
    raise UserError(
      f'the card in {path} is damaged ({one_line(error)}); copy it again'
    ) from error
  return Raw(arrays, card=card, sha256=sha256)
