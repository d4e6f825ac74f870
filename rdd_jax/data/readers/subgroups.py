"""Reads data sets that come with subgroups: Waterbirds and CelebA."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rdd_jax.core.errors import UserError, choose
from rdd_jax.data import images
from rdd_jax.data.dataset import Split
from rdd_jax.data.readers.columns import read_columns
from rdd_jax.data.readers.request import Request
from rdd_jax.data.readers.rows import whole_numbers

_PARTS = {'train': 0, 'all': 0, 'validation': 1, 'val': 1, 'test': 2}


def read_waterbirds(root: Path, request: Request) -> list[Split]:
  """Reads Waterbirds: birds of land (0) and water (1) on either background.

  `metadata.csv` has the columns `img_filename`, `y`, `split` and `place`; in
  training 5 % of the birds are out of place.

  Args:
    root: the directory.
    request: of 'train' (or 'all'), 'validation' (or 'val') and 'test', in one
      size, since images differ.

  Returns:
    The splits; groups are 0 on land and 1 on water.

  Raises:
    UserError: for a missing file, column, image or split.

  Source: Sagawa et al. 2020 (ICLR).
  """
  where = request.name
  table = _table(
    _directory(root, where) / 'metadata.csv',
    ('img_filename', 'y', 'split', 'place'),
  )
  numbers = {
    name: _numbers(table[name], f'{where}: metadata.csv: {name}')
    for name in ('y', 'split', 'place')
  }
  out = []
  for name in request.splits:
    rows = np.flatnonzero(numbers['split'] == _part(name, where))
    files = [table['img_filename'][row] for row in rows]
    out.append(
      Split(
        _read([root / file for file in files], request),
        numbers['y'][rows],
        ('landbird', 'waterbird'),
        numbers['place'][rows],
        np.array(files, np.str_),
      )
    )
  return out


def read_celeba(root: Path, request: Request) -> list[Split]:
  """Reads CelebA: hair that is not blond (0) or blond (1).

  One blond training row in seventeen is a man. The files are
  `img_align_celeba/`, and `list_attr_celeba` and `list_eval_partition`, each as
  `.txt` or `.csv`.

  Args:
    root: the directory.
    request: of 'train' (or 'all'), 'validation' (or 'val') and 'test'.

  Returns:
    The splits; groups are 0 for women and 1 for men.

  Raises:
    UserError: for a missing file, attribute, image or split.

  Source: Liu et al. 2015 (ICCV), with the task of Sagawa et al. 2020 (ICLR).
  """
  where = request.name
  wanted_parts = [str(_part(name, where)) for name in request.splits]
  wanted = ('Blond_Hair', 'Male')
  attributes = _celeba_list(_directory(root, where), 'list_attr_celeba', wanted)
  parts = _celeba_list(root, 'list_eval_partition', ('partition',))
  directory = root / 'img_align_celeba'
  if (directory / directory.name).is_dir():  # as some archives unpack
    directory = directory / directory.name
  out = []
  for part in wanted_parts:
    files = [file for file, (p,) in parts.items() if p == part]
    lost = next((file for file in files if file not in attributes), None)
    if lost is not None:
      raise UserError(
        f'{root} lists {lost} in list_eval_partition and not in '
        'list_attr_celeba; download the lists again'
      )
    found = np.array([attributes[f] for f in files]).reshape(-1, 2) == '1'
    out.append(
      Split(
        _read([directory / file for file in files], request),
        found[:, 0].astype(np.int64),
        ('not blond', 'blond'),
        found[:, 1].astype(np.int64),
        np.array(files, np.str_),
      )
    )
  return out


def _directory(root: Path, where: str) -> Path:
  if not root.is_dir():
    raise UserError(f'{where} is not a directory; check the path')
  return root


def _part(split: str, where: str) -> int:
  return choose(f'split of {where.partition(":")[0]}', split, _PARTS)


def _read(paths: Sequence[Path], request: Request) -> np.ndarray:
  def encoded(path: Path) -> bytes:
    try:
      return path.read_bytes()
    except OSError as error:
      raise UserError(
        f'{path} cannot be read ({error.strerror}); unpack the images again'
      ) from error

  sources = ((str(path), encoded(path)) for path in paths)
  return images.stack(sources, len(paths), request.size, request.channels)


def _table(file: Path, wanted: Sequence[str]) -> dict[str, list[str]]:
  """These columns of a CSV file, whole numbers without decimal points."""
  if not file.is_file():
    raise UserError(
      f'{file} is no file; give the directory as it was published'
    )
  found = read_columns(file, str(file))
  _need(file, wanted, list(found))
  return {name: whole_numbers(found[name]) for name in wanted}


def _numbers(words: Sequence[str], what: str) -> np.ndarray:
  odd = next((word for word in words if not word.isdecimal()), None)
  if odd is not None:
    raise UserError(f'{what} has {odd!r}, which is no whole number')
  return np.array([int(word) for word in words])


def _celeba_list(
  root: Path, name: str, columns: Sequence[str]
) -> dict[str, list[str]]:
  """From each image's name to its entries in these columns, in order."""
  file = root / f'{name}.csv'
  if file.is_file():
    found = _table(file, ('image_id', *columns))
    entries = zip(*(found[c] for c in columns), strict=True)
    return dict(zip(found['image_id'], map(list, entries), strict=True))
  file = root / f'{name}.txt'
  if not file.is_file():
    raise UserError(
      f'{root} has no {name}.txt or {name}.csv; put it beside the images'
    )
  lines = [line.split() for line in file.read_text().splitlines()]
  if name == 'list_attr_celeba':  # a count, the names, and then the rows
    header, lines = (lines[1] if len(lines) > 1 else []), lines[2:]
  else:
    header = list(columns)
  _need(file, columns, header)
  places = [1 + header.index(c) for c in columns]
  return {line[0]: [line[i] for i in places] for line in lines if line}


def _need(file: Path, columns: Sequence[str], there: Sequence[str]) -> None:
  missing = sorted(set(columns) - set(there))
  if missing:
    raise UserError(
      f'{file} lacks {", ".join(missing)} (it has {", ".join(there[:8])}); '
      'give the file as it was published'
    )
