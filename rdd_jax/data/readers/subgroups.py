"""Reads data sets that come with subgroups: Waterbirds and CelebA."""

from __future__ import annotations

from collections.abc import Sequence
import csv
from pathlib import Path

import numpy as np

from rdd_jax.core.errors import UserError, choose
from rdd_jax.data import images
from rdd_jax.data.dataset import Split

_PARTS = {'train': 0, 'validation': 1, 'val': 1, 'test': 2}


def read_waterbirds(
  path: str, split: str, size: images.Size, channels: int | None
) -> Split:
  """Reads Waterbirds: birds of land (0) and water (1) on either background.

  `metadata.csv` has the columns `img_filename`, `y`, `split` and `place`; in
  training 5 % of the birds are out of place.

  Args:
    path: of the directory.
    split: 'train', 'validation' (or 'val') or 'test'.
    size: see `load`; images differ in size.
    channels: see `load`.

  Returns:
    The split; groups are 0 on land and 1 on water.

  Raises:
    UserError: for a missing file, column, image or split.

  Source: Sagawa et al. 2020 (ICLR).
  """
  root, part = _root(path, 'waterbirds'), _part(split, 'waterbirds')
  rows = _table(root / 'metadata.csv', ('img_filename', 'y', 'split', 'place'))
  rows = [row for row in rows if row['split'] == str(part)]
  return Split(
    _read([root / row['img_filename'] for row in rows], size, channels),
    np.array([int(row['y']) for row in rows]),
    ('landbird', 'waterbird'),
    np.array([int(row['place']) for row in rows]),
  )


def read_celeba(
  path: str, split: str, size: images.Size, channels: int | None
) -> Split:
  """Reads CelebA: hair that is not blond (0) or blond (1).

  One blond training row in seventeen is a man. The files are
  `img_align_celeba/`, and `list_attr_celeba` and `list_eval_partition`, each as
  `.txt` or `.csv`.

  Args:
    path: of the directory.
    split: 'train', 'validation' (or 'val') or 'test'.
    size: see `load`.
    channels: see `load`.

  Returns:
    The split; groups are 0 for women and 1 for men.

  Raises:
    UserError: for a missing file, attribute, image or split.

  Source: Liu et al. 2015 (ICCV), with the task of Sagawa et al. 2020 (ICLR).
  """
  root, part = _root(path, 'celeba'), _part(split, 'celeba')
  wanted = ('Blond_Hair', 'Male')
  attributes = _celeba_list(root, 'list_attr_celeba', wanted)
  parts = _celeba_list(root, 'list_eval_partition', ('partition',))
  names = [name for name, (p,) in parts.items() if p == str(part)]
  lost = next((name for name in names if name not in attributes), None)
  if lost is not None:
    raise UserError(
      f'{root} lists {lost} in list_eval_partition and not in '
      'list_attr_celeba; download the lists again'
    )
  found = np.array([attributes[name] for name in names]).reshape(-1, 2) == '1'
  directory = root / 'img_align_celeba'
  if (directory / directory.name).is_dir():  # as some archives unpack
    directory = directory / directory.name
  return Split(
    _read([directory / name for name in names], size, channels),
    found[:, 0].astype(np.int64),
    ('not blond', 'blond'),
    found[:, 1].astype(np.int64),
  )


def _root(path: str, scheme: str) -> Path:
  root = Path(path).expanduser()
  if not root.is_dir():
    raise UserError(f'{scheme}:{path} is not a directory; check the path')
  return root


def _part(split: str, scheme: str) -> int:
  return choose(f'split of {scheme}', split, _PARTS)


def _read(
  paths: Sequence[Path], size: images.Size, channels: int | None
) -> np.ndarray:
  def encoded(path: Path) -> bytes:
    try:
      return path.read_bytes()
    except OSError as error:
      raise UserError(
        f'{path} cannot be read ({error.strerror}); unpack the images again'
      ) from error

  sources = ((str(path), encoded(path)) for path in paths)
  return images.stack(sources, len(paths), size, channels)


def _table(file: Path, columns: Sequence[str]) -> list[dict[str, str]]:
  """The rows of a CSV file that has these columns."""
  try:
    with file.open(newline='') as opened:
      reader = csv.DictReader(opened)
      rows, names = list(reader), reader.fieldnames or ()
  except OSError as error:
    raise UserError(
      f'{file} cannot be read ({error.strerror}); give the directory as it was '
      'published'
    ) from error
  _need(file, columns, names)
  return rows


def _celeba_list(
  root: Path, name: str, columns: Sequence[str]
) -> dict[str, list[str]]:
  """From each image's name to its entries in these columns, in order."""
  file = root / f'{name}.csv'
  if file.is_file():
    rows = _table(file, ('image_id', *columns))
    return {row['image_id']: [row[c] for c in columns] for row in rows}
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
