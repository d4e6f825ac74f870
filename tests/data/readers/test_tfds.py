"""TFDS directories: one that the tests write, and real ones where they are."""

from __future__ import annotations

import io
import json
from pathlib import Path
import sys

import jax
import numpy as np
from PIL import Image
import pytest

from rdd_jax import data
from rdd_jax.core.errors import UserError
from rdd_jax.data import prepare

tfds = pytest.importorskip('tensorflow_datasets')


def _png(image):
  stream = io.BytesIO()
  Image.fromarray(image.squeeze()).save(stream, 'png')
  return stream.getvalue()


def _write(
  root,
  name,
  splits,
  shape,
  file_format='array_record',
  names=('cat', 'dog'),
  more=(),
):
  """Writes encoded rows {split: [(bytes, label)]} as TFDS lays them out.

  Each of the further labels `more` is one class ahead of that before it.
  """
  from array_record.python import array_record_module
  from tensorflow_datasets.proto import tf_example_pb2

  directory = root / name / '1.0.0'
  directory.mkdir(parents=True)
  features = tfds.features.FeaturesDict(
    {
      'image': tfds.features.Image(shape=shape),
      **{
        key: tfds.features.ClassLabel(names=list(names))
        for key in ('label', *more)
      },
    }
  )
  features.save_config(str(directory))
  info = {
    'name': name,
    'version': '1.0.0',
    'fileFormat': file_format,
    'splits': [],
  }
  for split, rows in splits.items():
    file = directory / f'{name}-{split}.array_record-00000-of-00001'
    writer = array_record_module.ArrayRecordWriter(str(file), 'group_size:1')
    for encoded, label in rows:
      example = tf_example_pb2.Example()
      fields = example.features.feature
      fields['image'].bytes_list.value.append(encoded)
      for ahead, key in enumerate(('label', *more)):
        fields[key].int64_list.value.append((label + ahead) % len(names))
      writer.write(example.SerializeToString())
    writer.close()
    info['splits'].append(
      {
        'name': split,
        'shardLengths': [str(len(rows))],
        'numBytes': '1',
        'filepathTemplate': '{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}',
      }
    )
  (directory / 'dataset_info.json').write_text(json.dumps(info))
  return directory


@pytest.fixture
def images():
  return np.random.default_rng(0).integers(0, 256, (4, 8, 6, 1), np.uint8)


@pytest.fixture
def rows(images):
  return [(_png(image), i % 2) for i, image in enumerate(images)]


def _fails(match, call, *args, **kwargs):
  with pytest.raises(UserError, match=match) as caught:
    call(*args, **kwargs)
  assert '\n' not in str(caught.value)


def test_reads_what_was_written(tmp_path, images, rows):
  _write(tmp_path, 'pets', {'train': rows, 'validation': rows[:2]}, (8, 6, 1))
  found = data.load('tfds:pets', data_dir=str(tmp_path))
  np.testing.assert_array_equal(found.train_images, images)
  np.testing.assert_array_equal(found.test_images, images[:2])
  assert found.train_labels.tolist() == [0, 1, 0, 1]
  assert found.class_names == ('cat', 'dog')


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
    'tfds:pets test row 4 is not a readable image',
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


def test_human_labels(tmp_path, images):
  encoded = _png(images[0])
  rows = [(encoded, i % 10) for i in range(20)]
  _write(
    tmp_path,
    'cifar10_n',
    {'train': rows},
    (8, 6, 1),
    names='abcdefghij',
    more=('aggre_label', 'worse_label'),
  )
  blank, true = np.zeros((20, 1, 1, 1), np.uint8), np.arange(20) % 10
  found = data.from_arrays(blank, true, blank, true)

  def corrupt(dataset, spec):
    return data.corrupt(
      dataset,
      spec,
      jax.random.key(0),
      human_labels='tfds:cifar10_n',
      data_dir=str(tmp_path),
    )

  noisy = corrupt(found, 'human-worse')
  assert noisy.train_labels.tolist() == [(i + 2) % 10 for i in range(20)]
  assert noisy.train_true_labels is found.train_labels
  backwards = data.take(found, np.arange(20)[::-1])
  _fails('tfds:cifar10_n: label differs', corrupt, backwards, 'human-worse')
  _fails(
    "no class label 'random_label1' .it has aggre_label, label, worse_label",
    corrupt,
    found,
    'human-random1',
  )


class _Builder:
  data_dir = 'written'

  def __init__(self, name, data_dir, file_format):
    if name == 'nothing':
      raise tfds.core.DatasetNotFoundError('nothing')
    self.formats = [name, data_dir, file_format]

  def download_and_prepare(self, file_format):
    assert [*self.formats, file_format] == [
      'mnist',
      'here',
      'array_record',
      'array_record',
    ]
    if self.offline:
      raise OSError('no network')

  offline = False


def test_prepare_writes_array_record(monkeypatch):
  monkeypatch.setattr('importlib.util.find_spec', lambda _: object())
  monkeypatch.setattr(tfds, 'builder', _Builder)
  assert prepare.prepare('tfds:mnist', 'here') == 'written'
  with pytest.raises(UserError, match='unknown to TFDS'):
    prepare.prepare('nothing')
  monkeypatch.setattr(_Builder, 'offline', True)
  with pytest.raises(UserError, match='no network'):
    prepare.prepare('mnist', 'here')


@pytest.mark.parametrize(
  ('name', 'shape'),
  [
    ('fashion_mnist', (28, 28, 1)),
    ('cifar10', (32, 32, 3)),
    ('mnist', (28, 28, 1)),
    ('tiny_imagenet', (64, 64, 3)),
  ],
)
def test_real_data_agrees_with_tfds(data_dir, name, shape):
  split = 'validation' if name == 'tiny_imagenet' else 'test'
  found = data.load_split(f'tfds:{name}', 'test[:300]', data_dir=data_dir)
  assert found.images.shape == (300, *shape)
  assert len(set(found.labels.tolist())) > 9
  assert 'tensorflow' not in sys.modules
  (version,) = (Path(data_dir) / name).iterdir()
  source = tfds.builder_from_directory(version).as_data_source(split=split)
  for row in (0, 299):
    np.testing.assert_array_equal(found.images[row], source[row]['image'])
    assert found.labels[row] == source[row]['label']


@pytest.mark.slow
@pytest.mark.parametrize('name', ['fashion_mnist', 'cifar10'])
def test_real_data_is_balanced(data_dir, name):
  found = data.load(f'tfds:{name}', data_dir=data_dir)
  assert found.image_shape == data.SHAPES[name][0]
  assert len(set(np.bincount(found.train_labels).tolist())) == 1
  assert np.bincount(found.test_labels).tolist() == [1000] * 10
