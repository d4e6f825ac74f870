"""Reads a distilled set of ours, in whatever form it was written."""

from __future__ import annotations

import os
from pathlib import Path

from rdd_jax.artifact import store, third_party
from rdd_jax.artifact.export.files import SIDE, read_side
from rdd_jax.artifact.export.folder import read_folder
from rdd_jax.artifact.export.tfds import read_tfds
from rdd_jax.artifact.schema import PREFIX
from rdd_jax.artifact.store import Distilled
from rdd_jax.core.errors import UserError


def load(path: str | os.PathLike[str]) -> Distilled:
  """Reads a distilled set.

  Args:
    path: a run's directory, or the `distilled.npz` in it (its card beside it);
      or what `python -m rdd_jax.convert` wrote: the file, or the directory. A
      folder of PNGs comes back less what was said to be lost.

  Returns:
    The set; the images of a multi-formation set are tiled, see
    `rdd_jax.synthetic.view.decode`.

  Raises:
    UserError: if it is not there, damaged, not as `rdd_jax.artifact.schema`
      says, or without a card of ours.

  >>> load('/nowhere')
  Traceback (most recent call last):
  rdd_jax.core.errors.UserError: cannot read /nowhere/distilled.npz (No such \
file or directory); give the directory of a distilled set, which holds \
distilled.npz and card.json
  """
  path = Path(path)
  if path.name == store.CARD:
    path = path.parent
  if path.is_dir():
    return read_directory(path) or store.load(path)
  if path.name == store.ARRAYS or not path.exists():
    return store.load(path)
  found = self_described(path)
  if found is None:
    raise UserError(
      f'{path} has no card of ours; make it an artefact first, by python -m '
      f'rdd_jax.evaluate {path} --dataset=NAME --report=DIR, or rdd_jax.adopt'
    )
  return found


def is_ours(path: Path, *, told: bool = False) -> bool:
  """Tells whether the path is a directory, or an npz, that `artifact` reads.

  Args:
    path: of the set.
    told: a data set or a configuration is named, as for sets of others: then
      an npz that is only called like ours, without a card beside it, is not.
  """
  if path.is_dir():
    return (path / store.CARD).exists()
  if path.name == store.ARRAYS and told:
    return (path.parent / store.CARD).exists()
  return path.name == store.ARRAYS or path.name == store.CARD


def own(path: Path, *, told: bool = False) -> Distilled | None:
  """Returns the set if it is one of ours, in any form; None for any other.

  Args:
    path: of the set.
    told: see `is_ours`.

  Raises:
    UserError: if it is damaged.
  """
  if is_ours(path, told=told):
    return load(path)
  if path.is_dir():
    return None if told else read_directory(path)
  return self_described(path)


def self_described(path: Path) -> Distilled | None:
  """Returns the set of a single file that carries its card; None for any other.

  Raises:
    UserError: as `third_party.read` does, or for a file that is not as its card
      says.
  """
  if path.is_dir():
    return None
  raw = third_party.read(path)
  if raw.card is None:
    return None
  if raw.sha256 not in (None, third_party.digest(raw.arrays)):
    raise UserError(
      f'{path} is damaged (the SHA-256 of its arrays is not '
      f'{str(raw.sha256)[:12]}..., as it says); copy or convert it again'
    )
  return store.from_arrays(raw.arrays, raw.card, str(path))


def read_directory(path: Path) -> Distilled | None:
  """Returns the set of an exported directory; None for any other.

  Args:
    path: of class directories, or a TFDS directory, or the one that holds it.

  Raises:
    UserError: if what is in it is not what was written.
  """
  sides = [path / SIDE, *sorted(path.glob(f'distilled_*/*/{SIDE}'))]
  side = next((file for file in sides if file.exists()), None)
  if side is None or (path / store.CARD).exists():
    return None
  card, outputs, preprocessing = read_side(side)
  if (side.parent / 'dataset_info.json').exists():
    arrays = read_tfds(side.parent)
  else:
    arrays = read_folder(side.parent, card['class_names'], outputs)
    card = {**card, 'label_kind': 'hard'}
  arrays |= {PREFIX + name: array for name, array in preprocessing.items()}
  return store.from_arrays(arrays, card, str(path))
