"""Random damage ends in a reading that counts every file, or in one line."""

from __future__ import annotations

import os
import re

from data.readers.folder_cases import COLOR, files_below, fill, save
import numpy as np
import pytest

from rdd_jax import data
from rdd_jax.core.errors import UserError

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


def _load(name):
  """Loads a data set, or checks that the error has one line."""
  try:
    return data.load(name)
  except UserError as error:
    line = str(error)
  assert '\n' not in line
  return None


@pytest.mark.parametrize('seed', range(120))
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
  found = _load(f'folder:{root}')
  if found is None:
    return
  said = capsys.readouterr().out
  left_out = re.search(r'(\d+) of (\d+) files are left out', said)
  read = {*found.train_names.tolist(), *found.test_names.tolist()}
  assert len(read) == len(found.train_labels) + len(found.test_labels)
  assert all((root / name).is_file() for name in read)
  there = files_below(root)
  assert there == len(read) + (int(left_out[1]) if left_out else 0)
  assert left_out is None or int(left_out[2]) == there


@pytest.mark.parametrize('seed', range(80))
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
  found = _load(f'npz:{file}')
  if found is not None:
    assert found.train_images.dtype == np.uint8
    assert len(found.train_images) == len(found.train_labels) > 0
