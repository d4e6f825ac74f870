"""CIFAR's pickles: what is read, and what an unpickler must not run."""

from __future__ import annotations

import os
import pickle
import struct
from typing import ClassVar

from data.readers.folder_cases import load_or_line
import numpy as np
import pytest

from rdd_jax import data
from rdd_jax.core.errors import UserError

RNG = np.random.default_rng(0)
BATCHES = [f'data_batch_{i}' for i in range(1, 6)]


class _Python2(pickle._Pickler):
  """Writes words and bytes as Python 2 did, in which they were one."""

  dispatch: ClassVar = dict(pickle._Pickler.dispatch)

  def save_text(self, value):
    value = value if isinstance(value, bytes) else value.encode()
    self.write(pickle.BINSTRING + struct.pack('<i', len(value)) + value)
    self.memoize(value)

  dispatch[bytes] = dispatch[str] = save_text


def _dump(file, value):
  file.parent.mkdir(parents=True, exist_ok=True)
  with file.open('wb') as opened:
    _Python2(opened, 2).dump(value)


def _batch(labels, name, count=4):
  return {
    b'data': RNG.integers(0, 256, (count, 3072), np.uint8),
    labels: [i % 2 for i in range(count)],
    b'filenames': [f'{name}_{i}.png'.encode() for i in range(count)],
  }


def _cifar10(root):
  written = {n: _batch(b'labels', n) for n in [*BATCHES, 'test_batch']}
  for name, value in written.items():
    _dump(root / name, value)
  _dump(root / 'batches.meta', {b'label_names': [b'cat', b'dog']})
  return written


def _cifar100(root):
  written = {n: _batch(b'fine_labels', n) for n in ('train', 'test')}
  for name, value in written.items():
    _dump(root / name, value | {b'coarse_labels': [0] * 4})
  _dump(root / 'meta', {b'fine_label_names': [b'cat', b'dog']})
  return written


@pytest.mark.parametrize('top', ['', 'cifar-10-batches-py'])
def test_cifar10(tmp_path, top, capsys):
  written = _cifar10(tmp_path / top)
  found = data.load(f'folder:{tmp_path}')
  assert "CIFAR-10's pickles" in capsys.readouterr().out
  assert found.class_names == ('cat', 'dog')
  rows = np.concatenate([written[name][b'data'] for name in BATCHES])
  expected = rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
  np.testing.assert_array_equal(found.train_images, expected)
  assert found.train_labels.tolist() == [0, 1] * 10
  assert found.test_names[3] == 'test_batch_3.png'
  small = data.load_split(f'folder:{tmp_path}', 'all', size=4, channels=1)
  assert small.images.shape == (20, 4, 4, 1)


def test_cifar100_by_its_fine_labels(tmp_path, capsys):
  _cifar100(tmp_path)
  found = data.load(f'folder:{tmp_path}')
  assert "CIFAR-100's pickles, by their fine labels" in capsys.readouterr().out
  assert found.test_labels.tolist() == [0, 1, 0, 1]
  with pytest.raises(UserError, match="no split 'val'; it has train and test"):
    data.load_split(f'folder:{tmp_path}', 'val')


@pytest.mark.parametrize('protocol', range(6))
def test_pickles_that_were_saved_again(tmp_path, protocol):
  _cifar100(tmp_path)
  value = _batch('fine_labels', 'test')
  value['fine_labels'] = np.array(value['fine_labels'])
  (tmp_path / 'test').write_bytes(pickle.dumps(value, protocol))
  found = data.load(f'folder:{tmp_path}')
  assert found.test_labels.tolist() == [0, 1, 0, 1]
  expected = value[b'data'].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
  np.testing.assert_array_equal(found.test_images, expected)


class _Runs:
  def __init__(self, *call):
    self.call = call

  def __reduce__(self):
    return self.call


@pytest.mark.parametrize(
  ('value', 'match'),
  [
    (_Runs(os.mkdir, ('made',)), 'asks for posix.mkdir'),
    (_Runs(eval, ('1',)), 'asks for .*eval'),
    (_Runs(np.fromfile, ('/dev/zero',)), 'asks for numpy'),
    ({b'data': _Runs(np.dtype, ('O',))}, r'no data of uint8\[N, 3072\]'),
    ({b'data': np.array([None] * 3)}, 'a pickled array is damaged'),
    ({b'data': np.zeros((4, 3072))}, r'no data of uint8\[N, 3072\]'),
    ({b'data': np.zeros((4, 9), np.uint8)}, r'no data of uint8\[N, 3072\]'),
    (_batch(b'labels', 'x'), 'no list of fine_labels'),
    (
      _batch(b'fine_labels', 'x') | {b'fine_labels': [0]},
      '4 rows of data, 1 labels and 4 filenames',
    ),
    (_batch(b'fine_labels', 'x') | {b'fine_labels': [2**70] * 4}, '4 labels'),
    (_batch(b'fine_labels', 'x') | {b'fine_labels': [b'a'] * 4}, '4 labels'),
    ([1, 2], 'is no pickle of arrays, lists and words'),
  ],
)
def test_what_else_a_pickle_holds_is_refused(
  tmp_path, value, match, monkeypatch
):
  monkeypatch.chdir(tmp_path)
  _cifar100(tmp_path)
  _dump(tmp_path / 'train', value)
  with pytest.raises(UserError, match=match) as caught:
    data.load(f'folder:{tmp_path}')
  assert '\n' not in str(caught.value)
  assert not (tmp_path / 'made').exists()


@pytest.mark.parametrize('seed', range(40))
def test_damage_ends_in_one_line_or_in_rows(tmp_path, seed):
  rng = np.random.default_rng(seed)
  _cifar100(tmp_path)
  file = tmp_path / ('train', 'meta')[seed % 2]
  raw = bytearray(file.read_bytes())
  raw[rng.integers(min(len(raw), 200))] ^= 1 << rng.integers(8)
  file.write_bytes(raw if seed % 3 else raw[: rng.integers(len(raw))])
  found = load_or_line(f'folder:{tmp_path}')
  if found is not None:
    assert len(found.train_images) == len(found.train_labels) == 4
