"""Random damage ends in a reading that counts every file, or in one line."""

from __future__ import annotations

import os
import re

from data.readers import table_cases as cases
from data.readers.folder_cases import (
  COLOR,
  files_below,
  fill,
  load_or_line,
  save,
)
from marks import slow_but
import numpy as np
import pyarrow as pa
from pyarrow import parquet
import pytest

KINDS = ('png', 'jpg', 'bmp', 'gif', 'tif', 'webp', 'ppm')


def _bytes(file, rng, change):
  raw = bytearray(file.read_bytes())
  file.write_bytes(change(raw, rng))


def _cut(raw, rng):
  return raw[: rng.integers(len(raw) + 1)]


def _flip(raw, rng):
  for place in rng.integers(len(raw), size=rng.integers(1, 9)) if raw else ():
    raw[place] ^= 1 << rng.integers(8)
  return raw


def _rename(file, rng):
  names = ('x', 'x.png', '.x.png', 'x.txt', 'X.JPG', 'x.gif', 'Thumbs.db')
  os.replace(file, file.with_name(str(rng.choice(names))))


def _link(file, rng):
  file.unlink()
  file.symlink_to(str(rng.choice(['nowhere', file.name, '..', '/dev/null'])))


def _move(file, rng):
  """Into another directory, of a class or none."""
  at = str(rng.choice(['..', '../..', '../dog', '../new', '.git', 'a/b']))
  (file.parent / at).mkdir(parents=True, exist_ok=True)
  target = file.parent / at / file.name
  if not target.is_dir():
    os.replace(file, target)


def _directory(file, rng):
  file.unlink()
  file.mkdir()


def _pipe(file, rng):
  file.unlink()
  os.mkfifo(file)


DAMAGES = (
  lambda file, rng: _bytes(file, rng, _cut),
  lambda file, rng: _bytes(file, rng, _flip),
  lambda file, rng: _bytes(file, rng, lambda raw, _: b''),
  lambda file, rng: _bytes(file, rng, lambda raw, r: r.bytes(len(raw))),
  lambda file, rng: save(file.with_suffix('.txt'), 'words'),
  lambda file, rng: save(file, COLOR[: rng.integers(1, 4), :3, 0]),
  lambda file, rng: file.unlink(),
  _rename,
  _link,
  _move,
  _directory,
  _pipe,
)


def _damage_bytes(file, rng):
  """Mostly turns bits, which a reader may not notice."""
  DAMAGES[rng.choice(4, p=(0.1, 0.7, 0.1, 0.1))](file, rng)


def _counted(found, said):
  """How many rows are read, how many left out, and how many there were."""
  left_out = re.search(r'(\d+) of (\d+) files are left out', said)
  read = len(found.train_labels) + len(found.test_labels)
  lost = int(left_out[1]) if left_out else 0
  return read, lost, int(left_out[2]) if left_out else read


@pytest.mark.parametrize('seed', slow_but(range(60), range(400)))
def test_folder(tmp_path, seed, capsys):
  rng = np.random.default_rng(seed)
  root = tmp_path / 'set'
  for top in ('train', 'test')[: 1 + seed % 2]:
    fill(root / top, 25)
    for kind in KINDS:
      save(root / top / 'cat' / f'{kind}.{kind}')
  for _ in range(rng.integers(1, 4)):
    files = sorted(p for p in root.rglob('*') if p.is_file())
    DAMAGES[rng.integers(len(DAMAGES))](files[rng.integers(len(files))], rng)
  found = load_or_line(f'folder:{root}')
  if found is None:
    return
  count, lost, there = _counted(found, capsys.readouterr().out)
  read = {*found.train_names.tolist(), *found.test_names.tolist()}
  assert len(read) == count
  assert all((root / name).is_file() for name in read)
  assert files_below(root) == there == count + lost


@pytest.mark.parametrize('seed', slow_but(range(44), range(200)))
def test_npz(tmp_path, seed):
  rng = np.random.default_rng(seed)
  images = rng.integers(0, 256, (9, 4, 4, 3), np.uint8)
  arrays = {
    'train_images': images,
    'train_labels': np.arange(9) % 3,
    'test_images': images,
    'test_labels': np.arange(9) % 3,
  }
  if seed % 2:
    key = sorted(arrays)[rng.integers(4)]
    values = arrays[key]
    arrays[key] = [
      values[:-1],
      values.astype(str),
      values.astype(np.float16),
      values[..., None],
      values[0],
      np.array(values.sum()),
      np.moveaxis(values, 0, -1),
      values - 1,
      values[:0],
      values.astype(complex),
      values.astype('M8[s]'),
    ][rng.integers(11)]
  file = tmp_path / 'set.npz'
  (np.savez_compressed if seed % 3 else np.savez)(file, **arrays)
  if seed % 2 == 0:
    _bytes(file, rng, (_cut, _flip)[seed % 4 // 2])
  found = load_or_line(f'npz:{file}')
  if found is not None:
    assert found.train_images.dtype == np.uint8
    assert len(found.train_images) == len(found.train_labels) > 0


@pytest.mark.parametrize('seed', slow_but(range(40), range(300)))
@pytest.mark.parametrize('kind', ['parquet', 'hf', 'csv'])
def test_tables(tmp_path, seed, kind, capsys):
  rng = np.random.default_rng(seed)
  rows = cases.listed(fill(tmp_path / 'folder', 25))
  classes = ['cat', 'dog'] if seed % 3 else None
  if kind == 'parquet':
    place = damaged = cases.write_parquet(tmp_path / 'a.parquet', rows, classes)
  elif kind == 'hf':
    place = cases.write_saved(tmp_path / 'saved', rows, classes)
    damaged = sorted(place.iterdir())[rng.integers(4)]
  else:
    cells = [(name, label) for _, name, label in rows]
    header = ('file_name', 'label')
    damaged = place = tmp_path / 'folder' / 'a.csv'
    cases.write_csv(damaged, header, cells)
  _damage_bytes(damaged, rng)
  found = load_or_line(f'{kind}:{place}')
  if found is None:
    return
  said = capsys.readouterr().out
  read, lost, there = _counted(found, said)
  assert read + lost == there
  assert int(re.search(r': (\d+) rows of ', said)[1]) == there
  names = {*found.train_names.tolist(), *found.test_names.tolist()}
  assert len(names) == read


CHANGES = (
  ('label', [None] * 50),
  ('label', [0.5] * 50),
  ('label', [[0, 1]] * 50),
  ('label', [b'\xff', b'a'] * 25),
  ('label', list(range(50))),
  ('image', [b''] * 50),
  ('image', [b'words'] * 50),
  ('image', ['words'] * 50),
  ('image', [None] * 50),
  ('image', list(range(50))),
  ('split', ['train', ''] * 25),
  ('split', ['test'] * 50),
  ('split', [0.0] * 49 + [7.0]),
  ('group', [2**70] * 50),
  ('group', [None, 'x'] * 25),
)


@pytest.mark.parametrize('change', range(len(CHANGES)))
@pytest.mark.parametrize('named', [True, False])
def test_columns(tmp_path, change, named, capsys):
  rows = cases.listed(fill(tmp_path / 'folder', 25))
  table = cases.as_arrow(rows, ['cat', 'dog'] if named else None)
  name, values = CHANGES[change]
  cells = [str(v) for v in values] if values[0] == 2**70 else values
  if name in table.column_names:
    table = table.set_column(
      table.column_names.index(name), name, pa.array(cells)
    )
  else:
    table = table.append_column(name, pa.array(cells))
  parquet.write_table(table, tmp_path / 'a.parquet')
  found = load_or_line(f'parquet:{tmp_path}/a.parquet')
  if found is not None:
    read, lost, there = _counted(found, capsys.readouterr().out)
    assert read + lost == there == 50
