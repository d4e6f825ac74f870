"""Records of TFDS that are streamed are those that are read."""

from __future__ import annotations

from data.readers.tfds_cases import _fails, _write
import numpy as np
import pytest

from rdd_jax import data
from rdd_jax.core.streamed import Streamed


def test_streamed_records_are_those_in_memory(tmp_path, images, rows):
  _write(tmp_path, 'pets', {'train': rows * 3, 'test': rows}, (8, 6, 1))
  where = {'data_dir': str(tmp_path), 'stream': True, 'workers': 0}
  found = data.load('tfds:pets', **where)
  assert isinstance(found.train_images, Streamed)
  np.testing.assert_array_equal(
    found.train_images[::-1], np.concatenate([images] * 3)[::-1]
  )
  assert found.train_labels.tolist() == [0, 1, 0, 1] * 3
  assert found.class_names == ('cat', 'dog')
  part = data.load_split('tfds:pets', 'train[5:9]', size=4, **where)
  whole = data.load_split(
    'tfds:pets', 'train[5:9]', size=4, data_dir=str(tmp_path)
  )
  np.testing.assert_array_equal(part.images[:], whole.images)
  np.testing.assert_array_equal(part.labels, whole.labels)


def test_records_of_several_files_and_parts_of_them(tmp_path, images, rows):
  _write(tmp_path, 'pets', {'test': rows, 'more': rows}, (8, 6, 1))
  where = {'data_dir': str(tmp_path), 'stream': True, 'workers': 0}
  found = data.load_split('tfds:pets', 'more[3:]+test[:2]', **where)
  np.testing.assert_array_equal(found.images[:], images[[3, 0, 1]])
  rows_of = found.images.some(np.array([2, 0]))
  np.testing.assert_array_equal(rows_of[:], images[[1, 3]])


def test_damaged_images_are_counted_or_refused(tmp_path, images, rows):
  many = rows * 10
  many[7] = (many[7][0][:30], many[7][1])
  _write(tmp_path, 'pets', {'train': many, 'test': rows}, (8, 6, 1))
  where = {'data_dir': str(tmp_path), 'stream': True, 'workers': 0}
  found = data.load('tfds:pets', **where)
  kept = [row for row in range(40) if row != 7]
  assert '1 of 40' in found.notes[0]
  assert 'row 7' in found.notes[0]
  np.testing.assert_array_equal(
    found.train_images[:], np.concatenate([images] * 10)[kept]
  )
  assert found.train_labels.tolist() == [many[row][1] for row in kept]
  bad = [(b'', label) for _, label in rows]
  _write(tmp_path, 'dogs', {'train': bad + rows, 'test': rows}, (8, 6, 1))
  _fails('4 of 8 images .* more than 5%', data.load, 'tfds:dogs', **where)


def test_what_cannot_be_streamed_is_refused():
  _fails('digits is read into memory whole', data.load, 'digits', stream=True)


@pytest.mark.slow
def test_real_records(data_dir):
  read = {'data_dir': data_dir}
  for name, split in (('cifar10', 'test[:700]'), ('tiny_imagenet', 'test')):
    stream = data.load_split(f'tfds:{name}', split, stream=True, **read)
    whole = data.load_split(f'tfds:{name}', split, **read)
    np.testing.assert_array_equal(stream.labels, whole.labels)
    rows = np.random.default_rng(0).permutation(len(whole.labels))[:600]
    np.testing.assert_array_equal(stream.images[rows], whole.images[rows])
