"""A set in one file, with its card: nothing is lost."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import numpy as np

from rdd_jax.artifact.store import Distilled, pack, to_arrays
from rdd_jax.artifact.third_party import CARD, DIGEST, digest
from rdd_jax.core.errors import UserError
from rdd_jax.runtime.files import write_atomically


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


def _told(distilled: Distilled) -> str:
  """The card, with a digest of all arrays in the place of that of a file."""
  card = {k: v for k, v in distilled.card.items() if k != 'sha256'}
  card[DIGEST] = digest(to_arrays(distilled))
  return json.dumps(card, allow_nan=False)
