"""A distilled set on disk: arrays, and a card that says what they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import hashlib
import io
import json
import os
from pathlib import Path
from typing import Any
import zipfile
import zlib

import jax
from jax import Array
import numpy as np

from rdd_jax.artifact import teaching
from rdd_jax.artifact.card import translate
from rdd_jax.artifact.schema import LAYOUT, PREFIX, require_arrays, require_card
from rdd_jax.artifact.summary import summarize
from rdd_jax.core.batch import NOWHERE, Batch
from rdd_jax.core.errors import UserError, one_line
from rdd_jax.images.preprocessing import Preprocessing
from rdd_jax.runtime import sizes
from rdd_jax.runtime.files import write_atomically
from rdd_jax.synthetic.view import decode
from rdd_jax.training.stored import Labeler

ARRAYS = 'distilled.npz'
CARD = 'card.json'


@dataclass(frozen=True)
class Distilled:
  """A distilled set, as it is stored.

  Attributes:
    images: `f32[n, h, w, C]`, the scale of pixels in [0, 1], not clipped. With
      a multi-formation factor `f` in the card, each holds `f * f` tiles.
    targets: `f32[n, o]`, on the simplex.
    weights: `f32[n]`.
    cells: `i32[n]`, the class, or the number of classes + outlier slot.
    preprocessing: from pixels to what a network takes.
    card: what the set is, as JSON; see `make_card`.
    teacher: labels each view of its images while networks train on them, as
      network or by its stored answers; None where the targets are the labels.
  """

  images: np.ndarray
  targets: np.ndarray
  weights: np.ndarray
  cells: np.ndarray
  preprocessing: Preprocessing
  card: dict[str, Any]
  teacher: Labeler | None = None

  def __repr__(self) -> str:
    """Returns what the set is, in a few lines."""
    told = summarize(self.card, self.images.shape, self.cells)
    return f'<Distilled {told}>'


def save(directory: str | os.PathLike[str], distilled: Distilled) -> None:
  """Writes `distilled.npz` and `card.json`, each at once or not at all.

  The card gets the shapes of the arrays, and their SHA-256, so that a pair that
  does not belong together is noticed. The same set gives the same bytes.

  Args:
    directory: made where it is not there.
    distilled: the set.
  """
  directory = Path(directory)
  directory.mkdir(parents=True, exist_ok=True)
  arrays = to_arrays(distilled)
  data = pack(arrays)
  card = {
    **distilled.card,
    'arrays': {name: list(array.shape) for name, array in arrays.items()},
    'sha256': hashlib.sha256(data).hexdigest(),
  }
  text = json.dumps(card, indent=2, default=_plain, allow_nan=False)
  write_atomically(directory / ARRAYS, data)
  write_atomically(directory / CARD, (text + '\n').encode())


def load(path: str | os.PathLike[str]) -> Distilled:
  """Reads a distilled set.

  Args:
    path: the directory, or the `distilled.npz` in it (its card beside it).

  Returns:
    The set as it was saved; the images of a multi-formation set are tiled, see
    `decode`.

  Raises:
    UserError: if a file is missing, damaged, of another set, or not as
      `rdd_jax.artifact.schema` says.
  """
  path = Path(path)
  directory = path.parent if path.suffix == '.npz' else path
  arrays_path = path if path.suffix == '.npz' else path / ARRAYS
  data, text = read_bytes(arrays_path), read_bytes(directory / CARD)
  try:
    card = json.loads(text)
  except (ValueError, RecursionError) as e:
    raise UserError(
      f'{directory / CARD} is damaged ({one_line(e)}); distil or copy it again'
    ) from e
  require_card(card, str(directory / CARD))
  digest = hashlib.sha256(data).hexdigest()
  if card.get('sha256') != digest:
    raise UserError(
      f'{arrays_path} is damaged or not the file that {CARD} describes (its '
      f'SHA-256 is {digest[:12]}..., the card says '
      f'{str(card.get("sha256"))[:12]}...); copy both files again'
    )
  return from_arrays(unpack(data, arrays_path), card, str(arrays_path))


def is_whole(directory: Path) -> bool:
  """Tells whether a set is there, and its files are those that were written."""
  try:
    load(directory)
  except UserError:
    return False
  return True


def to_arrays(distilled: Distilled) -> dict[str, np.ndarray]:
  """Returns all arrays of a set by name: those of `rdd_jax.artifact.schema`."""
  arrays = {
    'images': np.asarray(distilled.images, np.float32),
    'targets': np.asarray(distilled.targets, np.float32),
    'weights': np.asarray(distilled.weights, np.float32),
    'cells': np.asarray(distilled.cells, np.int32),
  }
  for name, array in distilled.preprocessing.to_arrays().items():
    arrays[PREFIX + name] = array
  return arrays | teaching.to_arrays(distilled.teacher)


def from_arrays(
  arrays: Mapping[str, np.ndarray], card: dict[str, Any], where: str
) -> Distilled:
  """Builds a set from its arrays and card: the inverse of `to_arrays`.

  Args:
    arrays: as `rdd_jax.artifact.schema` has them.
    card: likewise.
    where: they come from, for errors.

  Raises:
    UserError: unless they are as the schema says.
  """
  require_card(card, where)
  require_arrays(arrays, card, where)
  return Distilled(
    teacher=teaching.from_arrays(arrays, card, where),
    **{name: arrays[name] for name in LAYOUT},
    preprocessing=Preprocessing.from_arrays(
      {
        name.removeprefix(PREFIX): array
        for name, array in arrays.items()
        if name.startswith(PREFIX)
      }
    ),
    card=translate(card),
  )


def pack(arrays: Mapping[str, np.ndarray]) -> bytes:
  """Returns an npz of the arrays; the same arrays give the same bytes."""
  buffer = io.BytesIO()
  np.savez(buffer, **arrays)  # type: ignore[arg-type]
  return buffer.getvalue()


def unpack(data: bytes, path: Path) -> dict[str, np.ndarray]:
  """Reads all arrays of an npz from its bytes.

  Args:
    data: the file's content.
    path: what errors call the file.

  Raises:
    UserError: if it cannot be read, holds pickled objects, or takes more
      memory than is free.

  >>> unpack(pack({'a': np.arange(2)}), Path('a.npz'))['a'].tolist()
  [0, 1]
  """
  try:
    file = io.BytesIO(data)
    sizes.require_arrays(file, str(path))
    with np.load(file, allow_pickle=False) as npz:
      return {name: npz[name] for name in npz.files}
  except UserError:  # of memory
    raise
  except (
    AttributeError,  # of a single array, which has no files
    ValueError,
    KeyError,
    TypeError,
    OSError,
    EOFError,
    MemoryError,
    NotImplementedError,  # of ways to compress
    RuntimeError,  # of encrypted archives
    zipfile.BadZipFile,
    zlib.error,
  ) as e:
    raise UserError(
      f'{path} is damaged or no npz of plain arrays ({one_line(e)}); copy it '
      'again, or save it by np.savez without objects'
    ) from e


def to_batch(distilled: Distilled) -> Batch:
  """Returns the rows to train a network on: decoded, preprocessed, repeated."""
  copies = distilled.card['factor'] ** 2
  images = decode(jax.device_put(distilled.images), distilled.card['factor'])

  def repeat(x: np.ndarray) -> Array:
    return jax.device_put(np.repeat(x, copies, 0))

  cells = np.asarray(distilled.cells)
  return Batch(
    inputs=distilled.preprocessing(images),
    targets=repeat(distilled.targets),
    weights=repeat(distilled.weights),
    cells=repeat(cells),
    groups=repeat(np.full_like(cells, -1)),
    index=repeat(np.full_like(cells, NOWHERE)),
  )


def read_bytes(path: Path) -> bytes:
  """Reads a file.

  Raises:
    UserError: if it cannot be read, and why.
  """
  try:
    return path.read_bytes()
  except OSError as e:
    raise UserError(
      f'cannot read {path} ({e.strerror}); give the directory of a distilled '
      f'set, which holds {ARRAYS} and {CARD}'
    ) from e


def _plain(value: Any) -> Any:
  """Arrays and scalars of numpy and jax, as JSON takes them."""
  return np.asarray(value).tolist()
