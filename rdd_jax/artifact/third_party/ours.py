"""Tells our own sets from those of others, and reads single files of ours."""

from __future__ import annotations

from pathlib import Path

from rdd_jax.artifact import store
from rdd_jax.artifact.third_party.readers import digest, read
from rdd_jax.core.errors import UserError


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


def self_described(path: Path) -> store.Distilled | None:
  """Returns the set of a single file that carries its card; None for any other.

  Raises:
    UserError: as `readers.read` does, or for a file that is not as its card
      says.
  """
  if path.is_dir():
    return None
  raw = read(path)
  if raw.card is None:
    return None
  if raw.sha256 not in (None, digest(raw.arrays)):
    raise UserError(
      f'{path} is damaged (the SHA-256 of its arrays is not '
      f'{str(raw.sha256)[:12]}..., as it says); copy or convert it again'
    )
  return store.from_arrays(raw.arrays, raw.card, str(path))
