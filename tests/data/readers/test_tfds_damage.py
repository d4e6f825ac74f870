"""Damaged records cost no others, while they are few, however one reads."""

from __future__ import annotations

import io
import re

from data.readers.tfds_cases import _damage, _fails, _png, _write
import numpy as np
from PIL import Image
import pytest

from rdd_jax import data
from rdd_jax.core.errors import UserError
from rdd_jax.data.readers import tfds, tfds_images, tfds_records
from rdd_jax.data.readers.tfds_builder import open_builder

BOTH = ({'stream': False}, {'stream': True, 'workers': 0})
CHECKSUM, CONTENT = 0, 60  # bytes of a record


@pytest.fixture
def known():
  return np.random.default_rng(1).integers(0, 256, (40, 8, 6, 1), np.uint8)


@pytest.fixture
def many(known):
  return [(_png(image), i % 2) for i, image in enumerate(known)]


@pytest.mark.parametrize('byte', [CHECKSUM, CONTENT])
def test_few_damaged_records_are_left_out_and_many_refused(
  tmp_path, known, many, byte
):
  directory = _write(tmp_path, 'pets', {'train': many, 'test': many}, (8, 6, 1))
  _damage(directory, many, [17, 23], byte)
  kept = [row for row in range(40) if row not in (17, 23)]
  for way in BOTH:
    found = data.load('tfds:pets', data_dir=str(tmp_path), **way)
    np.testing.assert_array_equal(found.train_images[:], known[kept])
    assert found.train_labels.tolist() == [row % 2 for row in kept]
    assert found.notes == (
      'tfds:pets train: 2 of 40 records are left out: '
      '2 not readable (row 17, row 23)',
    )
    np.testing.assert_array_equal(found.test_images[:], known)
  _damage(directory, many, [0], byte)
  for way in BOTH:
    _fails(
      r'^tfds:pets train: 3 of 40 .* more than 5%: 3 not readable '
      r'\(row 0, row 17, row 23\); prepare it again$',
      data.load,
      'tfds:pets',
      data_dir=str(tmp_path),
      **way,
    )


def test_every_value_of_a_lost_row_is_lost(tmp_path, known, many):
  how = {'names': tuple('abcde'), 'more': ('group',)}
  many = [(encoded, row % 5) for row, (encoded, _) in enumerate(many)]
  directory = _write(tmp_path, 'pets', {'train': many}, (8, 6, 1), **how)
  _damage(directory, many, [39], **how)
  source = tfds._open(open_builder(directory), 'train[1:]', 'image', 'pets')
  keys = ('label',), ('group',)
  found = tfds_images.read(source, 'x', 'image', keys, (None, 1), None)
  np.testing.assert_array_equal(found.images, known[1:39])
  rows = np.arange(1, 39)
  np.testing.assert_array_equal(found.values, [rows % 5, (rows + 1) % 5])
  assert '(row 38)' in found.notes[0]  # of the split
  _fails(
    r'x cannot be read \(row 38 is not readable\); prepare it again',
    list,
    tfds_records.every(source, 'x'),
  )


def test_a_blind_test_split_is_known_by_a_record_that_can_be_read(
  tmp_path, many
):
  blind = [(encoded, -1) for encoded, _ in many]
  splits = {'train': blind, 'validation': many}
  directory = _write(tmp_path, 'pets', splits, (8, 6, 1))
  (file,) = directory.glob('*-train.*')
  _damage(directory, blind, [0])
  info = directory / 'dataset_info.json'
  info.write_text(info.read_text().replace('"train"', '"test"'))
  file.rename(file.with_name(file.name.replace('train', 'test')))
  found = data.load_split('tfds:pets', 'test', data_dir=str(tmp_path))
  assert found.labels.tolist() == [label for _, label in many]


@pytest.mark.parametrize('size', [None, 0, 50_000, 2**16, 100_000])
def test_a_file_that_is_cut_short_is_refused_though_it_has_few_rows(
  tmp_path, many, size
):
  """One of 64 KB is opened by array_record as if it had no records."""
  splits = {'train': many, 'test': many[:1]}
  directory = _write(tmp_path, 'pets', splits, (8, 6, 1))
  (file,) = directory.glob('*-test.*')
  whole = file.read_bytes()
  file.unlink() if size is None else file.write_bytes(whole[:size])
  for way in BOTH:
    _fails(
      r'^tfds:pets train\S+ cannot be read \(.*\); prepare it again$',
      data.load_split,
      'tfds:pets',
      'train[0:]+test[0:]',
      data_dir=str(tmp_path),
      **way,
    )
  file.write_bytes(whole)
  for way in BOTH:
    found = data.load_split(
      'tfds:pets', 'train[0:]+test[0:]', data_dir=str(tmp_path), **way
    )
    assert len(found.labels) == 41


@pytest.mark.parametrize('workers', [0, 1])
def test_a_record_that_is_damaged_later_is_named(
  tmp_path, known, many, workers
):
  directory = _write(tmp_path, 'pets', {'train': many, 'test': many}, (8, 6, 1))
  images = data.load(
    'tfds:pets', data_dir=str(tmp_path), stream=True, workers=workers
  ).train_images
  (file,) = directory.glob('*-train.*')
  whole = file.read_bytes()
  for said in (r'not readable', r'not readable: \S.*'):
    if said == 'not readable':
      _damage(directory, many, [11])
    else:
      file.write_bytes(whole[:50_000])
    row = 11 if said == 'not readable' else 9
    with pytest.raises(UserError) as found:
      images[9:13]
    assert re.fullmatch(
      f'tfds:pets train: record {row} of {re.escape(str(file))} is {said}, and '
      'could be read when the run began: put it back, and give the same '
      'command again',
      str(found.value),
    )
    if row == 11:
      np.testing.assert_array_equal(images[12:20], known[12:20])
    file.write_bytes(whole)
    np.testing.assert_array_equal(images[9:13], known[9:13])


def test_images_of_several_sizes_are_refused_alike(tmp_path, many):
  many[3] = (_png(np.zeros((3, 2), np.uint8)), 0)
  _write(tmp_path, 'pets', {'train': many}, (None, None, 1))
  for way in BOTH:
    _fails(
      '(8x6 and 3x2|3x2 and 8x6); set size=',
      data.load_split,
      'tfds:pets',
      'train',
      data_dir=str(tmp_path),
      **way,
    )


def test_images_that_are_read_otherwise_are_alike_and_said(tmp_path, many):
  turned = Image.Exif()
  turned[0x0112] = 6
  file = io.BytesIO()
  Image.fromarray(np.zeros((6, 8), np.uint8)).save(file, 'png', exif=turned)
  many[3] = (file.getvalue(), 0)
  _write(tmp_path, 'pets', {'train': many}, (None, None, 1))
  found = [
    data.load_split('tfds:pets', 'train', data_dir=str(tmp_path), **way)
    for way in BOTH
  ]
  np.testing.assert_array_equal(found[0].images, found[1].images[:])
  for split in found:
    assert split.notes == ('tfds:pets train: converted: 1 turned as EXIF says',)
