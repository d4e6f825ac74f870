"""Reads what `save_to_disk` of Hugging Face's `datasets` wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rdd_jax.core.errors import UserError, one_line
from rdd_jax.data.dataset import Split
from rdd_jax.data.readers import arrow
from rdd_jax.data.readers.request import Request

if TYPE_CHECKING:
  import pyarrow as pa


def is_saved(path: Path) -> bool:
  """Tells whether `datasets` saved a data set in this directory."""
  return (path / 'dataset_dict.json').is_file() or (
    path / 'state.json'
  ).is_file()


def read_saved(path: Path, request: Request) -> list[Split]:
  """Reads a directory that `Dataset(Dict).save_to_disk` wrote.

  Args:
    path: of the directory.
    request: of its splits.

  Raises:
    UserError: for another or a damaged directory, or as
      `folder.read_splits`.
  """
  where = request.name
  if not is_saved(path):
    raise UserError(
      f'{where} has no dataset_dict.json or state.json; give a directory that '
      'save_to_disk of datasets wrote'
    )
  if (path / 'dataset_dict.json').is_file():
    state = _json(path / 'dataset_dict.json', where)
    parts = [str(split) for split in _list(state, 'splits', where)]
    for split in parts:
      if Path(split).name != split:
        raise UserError(f'{where}: dataset_dict.json names no split {split!r}')
    places = {split: path / split for split in parts}
  else:
    places = {'': path}
  files = []
  for split, place in places.items():
    state = _json(place / 'state.json', where)
    if state.get('_indices_data_files'):
      raise UserError(
        f'{where} holds indices apart from the rows, as old versions of '
        'datasets saved them; save flatten_indices() of it'
      )
    for entry in _list(state, '_data_files', where):
      name = entry.get('filename') if isinstance(entry, dict) else None
      if not isinstance(name, str) or Path(name).name != name:
        raise UserError(f'{where}: {place.name}/state.json names no data files')
      files.append(arrow.Part(place / name, split, _load))
  return arrow.read(files, request)


def _load(file: Path) -> pa.Table:
  import pyarrow as pa

  return pa.ipc.open_stream(pa.memory_map(str(file))).read_all()


def _json(file: Path, where: str) -> dict[str, Any]:
  try:
    found = json.loads(file.read_text(encoding='utf-8'))
  except (OSError, ValueError) as error:
    raise UserError(
      f'{where}: {file.parent.name}/{file.name} cannot be read '
      f'({one_line(error)[:160]}); copy the directory again'
    ) from error
  return found if isinstance(found, dict) else {}


def _list(state: dict[str, Any], key: str, where: str) -> list[Any]:
  found = state.get(key)
  if not isinstance(found, list) or not found:
    raise UserError(f'{where}: {key} is {found!r}; copy the directory again')
  return found
