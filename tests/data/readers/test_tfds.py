"""TFDS directories: one that the tests write, and real ones where they are."""

from __future__ import annotations

import json

from data.readers.tfds_cases import _fails, _png, _write, tfds
import numpy as np
import pytest

from rdd_jax import data


def test_reads_what_was_written(tmp_path, images, rows):
  _write(tmp_path, 'pets', {'train': rows, 'validation': rows[:2]}, (8, 6, 1))
  found = data.load('tfds:pets', data_dir=str(tmp_path))
  np.testing.assert_array_equal(found.train_images, images)
  np.testing.assert_array_equal(found.test_images, images[:2])
  assert found.train_labels.tolist() == [0, 1, 0, 1]
  assert found.class_names == ('cat', 'dog')


@pytest.mark.parametrize('slicing', ['', '[:1]'])
def test_a_test_split_without_labels_is_not_read(tmp_path, rows, slicing):
  """ImageNet's, whose labels are -1: networks are tested on validation."""
  blind = [(encoded, -1) for encoded, _ in rows]
  splits = {'train': rows, 'validation': rows[2:], 'test': blind}
  _write(tmp_path, 'imagenet2012', splits, (8, 6, 1), names=('n01', 'n02'))
  found = data.load_split(
    'tfds:imagenet2012', f'test{slicing}', data_dir=str(tmp_path)
  )
  labels = [label for _, label in rows[2:]]
  assert found.labels.tolist() == labels[: 1 if slicing else None]
  assert found.class_names == ('n01', 'n02')


def test_celeba_comes_in_groups(tmp_path, images):
  directory = _write(tmp_path, 'celeb_a', {'train': [], 'test': []}, (8, 6, 3))
  features = tfds.features.FeaturesDict(
    {
      'image': tfds.features.Image(shape=(8, 6, 3), encoding_format='png'),
      'attributes': {k: np.bool_ for k in ('Bald', 'Blond_Hair', 'Male')},
    }
  )
  features.save_config(str(directory))
  from array_record.python import array_record_module
  from tensorflow_datasets.proto import tf_example_pb2

  both = [(0, 0), (0, 1), (1, 0), (1, 1)]
  file = directory / 'celeb_a-train.array_record-00000-of-00001'
  writer = array_record_module.ArrayRecordWriter(str(file), 'group_size:1')
  for image, (blond, male) in zip(images, both, strict=True):
    example = tf_example_pb2.Example()
    fields = example.features.feature
    fields['image'].bytes_list.value.append(_png(np.repeat(image, 3, -1)))
    for key, value in (('Bald', 0), ('Blond_Hair', blond), ('Male', male)):
      fields[f'attributes/{key}'].int64_list.value.append(value)
    writer.write(example.SerializeToString())
  writer.close()
  info = json.loads((directory / 'dataset_info.json').read_text())
  info['splits'][0]['shardLengths'] = ['4']
  (directory / 'dataset_info.json').write_text(json.dumps(info))
  found = data.load_split('tfds:celeb_a', 'train', data_dir=str(tmp_path))
  assert found.labels.tolist() == [0, 0, 1, 1]
  assert found.groups.tolist() == [0, 1, 0, 1]
  assert found.class_names == ('not blond', 'blond')
  np.testing.assert_array_equal(found.images[..., :1], images)


def test_resizes_recolours_and_slices(tmp_path, rows, monkeypatch):
  _write(tmp_path, 'pets', {'test': rows}, (None, None, 1))
  monkeypatch.setenv('RDD_JAX_DATA_DIR', str(tmp_path))
  found = data.load_split('tfds:pets', 'test[1:3]', size=5, channels=3)
  assert found.images.shape == (2, 5, 5, 3)
  assert found.labels.tolist() == [1, 0]


def test_declared_channels_hold_for_gray_files(tmp_path, rows):
  _write(tmp_path, 'pets', {'test': rows}, (8, 6, 3))
  found = data.load_split('tfds:pets', 'test', data_dir=str(tmp_path))
  assert found.images.shape == (4, 8, 6, 3)


def test_takes_the_newest_version_unless_told(tmp_path, rows):
  old = _write(tmp_path, 'pets', {'test': rows}, (8, 6, 1))
  old.rename(tmp_path / 'old')
  new = _write(tmp_path, 'pets', {'test': rows[:1]}, (8, 6, 1))
  new.rename(new.parent / '10.0.0')
  (tmp_path / 'old').rename(new.parent / '9.0.0')
  for name, count in (('tfds:pets', 1), ('tfds:pets:9.0.0', 4)):
    found = data.load_split(name, 'test', data_dir=str(tmp_path))
    assert len(found.labels) == count


def test_only_a_test_split(tmp_path, rows):
  _write(tmp_path, 'pets', {'test': rows}, (8, 6, 1))
  _fails(
    r"no split 'train'.*it has test\); load_split reads",
    data.load,
    'tfds:pets',
    data_dir=str(tmp_path),
  )


def test_several_configurations(tmp_path, rows):
  for config in ('pets/big', 'pets/small'):
    (tmp_path / config).mkdir(parents=True)
    _write(tmp_path, 'set', {'test': rows}, (8, 6, 1)).rename(
      tmp_path / config / '1.0.0'
    )
    (tmp_path / 'set').rmdir()
  _fails(
    'name one of tfds:pets/big, tfds:pets/small',
    data.load,
    'tfds:pets',
    data_dir=str(tmp_path),
  )


def test_not_prepared(tmp_path):
  how = r"pip install 'rdd_jax\[prepare\]' && python -m rdd_jax.data.prepare"
  for directory, there in (
    (tmp_path, 'nothing in it'),
    ('/no', 'set data_dir'),
  ):
    _fails(
      f'cifar10 is not prepared.*{there}.*{how} cifar10 --data_dir={directory}',
      data.load,
      'tfds:cifar10',
      data_dir=str(directory),
    )
  _fails(
    'did you mean tfds:cifar10',
    data.load,
    'tfds:cifr10',
    data_dir=str(tmp_path),
  )


def test_corrupt_image(tmp_path, rows):
  _write(tmp_path, 'pets', {'test': [*rows, (b'hello', 0)]}, (8, 6, 1))
  _fails(
    r'1 of 5 images .*more than 5%: 1 without an image inside \(row 4\)',
    data.load_split,
    'tfds:pets',
    'test',
    data_dir=str(tmp_path),
  )


def test_damaged_or_missing_files(tmp_path, rows):
  directory = _write(tmp_path, 'pets', {'test': rows}, (8, 6, 1))
  (file,) = directory.glob('*array_record*')
  file.write_bytes(b'')
  for _ in ('empty', 'missing'):
    _fails(
      'cannot be read .*prepare it again',
      data.load_split,
      'tfds:pets',
      'test',
      data_dir=str(tmp_path),
    )
    file.unlink(missing_ok=True)


def test_wrong_format_features_or_slice(tmp_path, rows):
  splits = {'test': rows}
  _write(tmp_path, 'old', splits, (8, 6, 1), file_format='tfrecord')
  deep = _write(tmp_path, 'deep', splits, (8, 6, 1)) / 'features.json'
  deep.write_text(deep.read_text().replace('uint8', 'uint16'))
  _write(tmp_path, 'pets', splits, (8, 6, 1))
  for name, split, match in (
    ('old', 'test', 'not in array_record format'),
    ('deep', 'test', 'only uint8 images'),
    ('pets', 'test[:x', 'write it like'),
    ('pets', 'dev', "no split 'dev'"),
  ):
    _fails(
      match, data.load_split, f'tfds:{name}', split, data_dir=str(tmp_path)
    )
