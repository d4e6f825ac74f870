"""Files to named arrays: a reader for each format, and none unpickles."""

from __future__ import annotations

from collections.abc import Callable
import hashlib
import importlib
import io
import json
from pathlib import Path
from typing import Any, NamedTuple
import zipfile

import numpy as np

from rdd_jax.artifact.store import read_bytes, unpack
from rdd_jax.artifact.third_party import parquet
from rdd_jax.artifact.third_party.torch_files import tensors
from rdd_jax.core.errors import UserError, one_line
from rdd_jax.data.images import whole
from rdd_jax.data.readers.files import read_classes
from rdd_jax.runtime import sizes

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
  """Reads npz, npy, safetensors, PyTorch, parquet, or a directory of images.

  Args:
    path: of the file, or of a directory with one for each class.
    channels: that encoded images are converted to; 1 or 3.

  Raises:
    UserError: if it is not there, damaged, of another format, or the library
      that reads it is not installed.
  """
  _refuse_crops(path)
  if path.is_dir():
    return read_folder(path, channels)
  if not path.exists():
    raise UserError(f'{path} does not exist; give a distilled set')
  if path.suffix not in READERS:
    raise UserError(
      f'{path} ends in {path.suffix or "nothing"!r}; give one of '
      f'{", ".join(READERS)}, or a directory of images'
    )
  if path.suffix == '.parquet':
    return read_parquet(path, channels)
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
    file = io.BytesIO(read_bytes(path))
    sizes.require_arrays(file, str(path))
    found = np.load(file, allow_pickle=False)
  except UserError:  # of memory
    raise
  except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
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


def read_parquet(path: Path, channels: int | None = None) -> Raw:
  """Reads the images and numbers of a parquet file.

  Args:
    path: of the file, such as Hugging Face's `train-00000-of-00001.parquet`.
    channels: of the images; see `read`.

  Raises:
    UserError: if the file is damaged, or images differ in size.
  """
  return Raw(*parquet.columns(path, channels))


def read_folder(path: Path, channels: int | None) -> Raw:
  """Reads images of `PATH/CLASS/**`, classes in sorted order.

  Args:
    path: the directory.
    channels: of the images; see `rdd_jax.data.load`.

  Raises:
    UserError: if there is no image, or one cannot be read.
  """
  files = sorted(path.glob('**/*.parquet'))
  if files:
    shown = files[0].parent / f'{files[0].stem.partition("-")[0]}*.parquet'
    raise UserError(
      f'{path} holds {len(files)} parquet files, such as {files[0].name}; give '
      f"one, or those of a split: '{shown}'"
    )
  found = read_classes(path, channels=channels)
  return Raw(
    {'images': whole(found.images), 'labels': found.labels}, found.class_names
  )


READERS: dict[str, Callable[[Path], Raw]] = {
  '.npz': read_npz,
  '.npy': read_npy,
  '.parquet': read_parquet,
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


def _refuse_crops(path: Path) -> None:
  """Raises a UserError for FKD's labels, which are of no image as it is."""
  inside = path.glob('epoch_*/batch_*.tar') if path.is_dir() else ()
  if path.suffix == '.tar' or next(iter(inside), None):
    raise UserError(
      f'{path} holds labels of random crops and mixtures of images (FKD, as '
      'SRe2L saves them), which belong to no stored image; leave it out, for '
      'the directories of classes as labels, or give scores of whole images, '
      '[n, classes] or the top k of them'
    )


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
  except (ValueError, AttributeError, RecursionError) as error:
    raise UserError(
      f'the card in {path} is damaged ({one_line(error)}); copy it again'
    ) from error
  return Raw(arrays, card=card, sha256=sha256)
