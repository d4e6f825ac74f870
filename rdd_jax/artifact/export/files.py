"""A set in one file, with its card: nothing is lost."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rdd_jax.artifact.schema import require_card
from rdd_jax.artifact.store import (
  Distilled,
  pack,
  read_bytes,
  to_arrays,
  unpack,
)
from rdd_jax.artifact.third_party import CARD, DIGEST, digest
from rdd_jax.core.errors import UserError, one_line
from rdd_jax.runtime.files import write_atomically

SIDE = 'card.npz'  # beside rows in a form that has no place for a card
OUTPUTS = 'outputs'  # the name of their number in it


def write_npz(path: Path, distilled: Distilled) -> None:
  """Writes an npz of the arrays, and of the card as a string, `card`.

  Args:
    path: of the file; what is there is replaced.
    distilled: the set.
  """
  arrays = {**to_arrays(distilled), CARD: np.array(_told(distilled))}
  write_atomically(path, pack(arrays))


def write_safetensors(path: Path, distilled: Distilled) -> None:
  """Writes the arrays as tensors, and the card as metadata, `card`.

  Args:
    path: of the file; what is there is replaced.
    distilled: the set.

  Raises:
    UserError: if safetensors is not installed.
  """
  try:
    library = importlib.import_module('safetensors.numpy')
  except ModuleNotFoundError as error:
    raise UserError(
      f'writing {path} needs safetensors, which is not installed; pip install '
      "'rdd_jax[safetensors]', or convert to npz"
    ) from error
  arrays = {
    name: np.ascontiguousarray(array)
    for name, array in to_arrays(distilled).items()
  }
  write_atomically(path, library.save(arrays, {CARD: _told(distilled)}))


class Side(NamedTuple):
  """What stands beside rows.

  Attributes:
    card: of the set.
    outputs: columns of its targets.
    preprocessing: its arrays, by name.
  """

  card: dict[str, Any]
  outputs: int
  preprocessing: dict[str, np.ndarray]


def write_side(directory: Path, distilled: Distilled) -> None:
  """Writes the card and the preprocessing of rows that stand beside it.

  Args:
    directory: of the rows.
    distilled: the set; rows are written decoded, so that the factor is 1.
  """
  left_out = ('arrays', 'sha256')
  card = {k: v for k, v in distilled.card.items() if k not in left_out}
  text = json.dumps({**card, 'factor': 1}, allow_nan=False)
  arrays = {
    **distilled.preprocessing.to_arrays(),
    CARD: np.array(text),
    OUTPUTS: np.array(distilled.targets.shape[1]),
  }
  write_atomically(directory / SIDE, pack(arrays))


def read_side(path: Path) -> Side:
  """Reads what `write_side` wrote.

  Raises:
    UserError: if it is damaged.
  """
  arrays = unpack(read_bytes(path), path)
  try:
    card = json.loads(str(arrays.pop(CARD)))
    outputs = int(arrays.pop(OUTPUTS))
  except (KeyError, TypeError, ValueError, RecursionError) as error:
    raise UserError(
      f'{path} is damaged ({one_line(error)}); convert the set again'
    ) from error
  require_card(card, str(path))
  return Side(card, outputs, arrays)


def _told(distilled: Distilled) -> str:
  """The card, with a digest of all arrays in the place of that of a file."""
  card = {k: v for k, v in distilled.card.items() if k != 'sha256'}
  card[DIGEST] = digest(to_arrays(distilled))
  return json.dumps(card, allow_nan=False)
