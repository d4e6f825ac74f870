"""Images that several processes read are those that one reads."""

from __future__ import annotations

import os
import subprocess
import sys

from data.readers.folder_cases import COLOR, fill, save
import joblib
from joblib.externals import loky
import numpy as np
from PIL import Image
import pytest

from rdd_jax import data
from rdd_jax.runtime import pixels


@pytest.fixture
def apart(monkeypatch):
  """Makes few files many, and three a chunk."""
  monkeypatch.setattr(pixels, 'MANY', 1)
  monkeypatch.setattr(pixels, '_CHUNK', 3)
  monkeypatch.setattr(joblib, 'cpu_count', lambda: 2)


def _refused(*_):
  raise AssertionError('read in this process')


@pytest.fixture
def root(tmp_path):
  """Forty images, of which two are odd, and two that cannot be read."""
  cat = fill(tmp_path, 20) / 'cat'
  save(cat / '003.png', COLOR[..., 0])
  save(cat / '004.png', np.full((4, 4), 65535, np.uint16))
  save(cat / '005.png', np.zeros((20, 20), np.uint8))  # a bomb
  os.remove(cat / '006.png')
  os.mkfifo(cat / '006.png')
  return tmp_path


def test_a_folder_is_the_same(root, apart, monkeypatch, capsys):
  monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 100)
  with monkeypatch.context() as here:
    here.setattr(pixels, 'read_one', _refused)
    many = data.load_split(f'folder:{root}', 'all')
  lines = capsys.readouterr().out
  monkeypatch.setattr(pixels, 'MANY', 99)
  one = data.load_split(f'folder:{root}', 'all')
  assert capsys.readouterr().out == lines
  assert '1 of more than 100 pixels' in lines
  assert '1 not regular files (cat/006.png)' in lines
  assert '2 gray images' in lines
  np.testing.assert_array_equal(many.images, one.images)
  np.testing.assert_array_equal(many.names, one.names)
  assert len(one.labels) == 38


class _Deadly(str):
  """A path that ends the process to which it is sent."""

  def __reduce__(self):
    return os._exit, (9,)


@pytest.mark.parametrize('place', [0, 17])
def test_a_process_that_dies_is_done_without(root, apart, place):
  files = sorted(str(file) for file in root.glob('*/*.png'))
  expected = [pixels.read_one(file, (4, 4), 3) for file in files]
  files[place] = _Deadly(files[place])
  for found, one in zip(pixels.read(files, (4, 4), 3), expected, strict=True):
    np.testing.assert_array_equal(found.row, one.row)
    assert found.notes == one.notes


def test_where_no_process_may_be_started(root, apart, monkeypatch):
  def refuse(*_, **__):
    raise OSError('no semaphores here')

  monkeypatch.setattr(loky, 'ProcessPoolExecutor', refuse)
  assert len(list(pixels.read([root / 'cat' / '000.png'], None, None))) == 1


def test_a_process_ends_with_the_one_that_started_it():
  code = (
    'import time; from rdd_jax.runtime import pixels; '
    'pixels.begin(1, None, False); time.sleep(60)'  # 1 is not its parent
  )
  ended = subprocess.run([sys.executable, '-c', code], timeout=50, check=False)
  assert ended.returncode == 1


def test_chunks_hold_all_in_order_and_little(tmp_path):
  sizes = [0, 9, 2**21, 5, 2**19, 2**19, 2**19, *[1] * 300]
  files = [tmp_path / f'{i}' for i in range(len(sizes))]
  for file, size in zip(files, sizes, strict=True):
    file.touch()
    os.truncate(file, size)
  missing = tmp_path / 'missing'
  chunks = list(pixels._chunks([*files, missing]))
  assert [file for chunk in chunks for file in chunk] == [*files, missing]
  of = dict(zip(files, sizes, strict=True))
  for chunk in chunks:
    held = sum(of.get(file, 0) for file in chunk)
    assert len(chunk) == 1 or (held <= 2**20 and len(chunk) <= 256)
  assert len(chunks) < 8
