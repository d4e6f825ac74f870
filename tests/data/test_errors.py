"""Each mistake in data gets one line that says what to do."""

from __future__ import annotations

import gzip
import struct

import jax
import numpy as np
from PIL import Image
import pytest

from rdd_jax import data
from rdd_jax.core.errors import UserError
from rdd_jax.data import prepare


def _arrays(**changes):
  arrays = {
    'train_images': np.zeros((6, 4, 4, 1), np.uint8),
    'train_labels': np.arange(6) % 3,
    'test_images': np.zeros((3, 4, 4, 1), np.uint8),
    'test_labels': np.arange(3),
  }
  return arrays | changes


def _fails(match, call, *args, **kwargs):
  with pytest.raises(UserError, match=match) as caught:
    call(*args, **kwargs)
  assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
  ('changes', 'match'),
  [
    ({'train_images': np.zeros((6, 4, 4, 1))}, 'float64; give uint8'),
    ({'train_images': np.zeros((6, 4, 4), np.uint8)}, r'images\[..., None\]'),
    ({'test_images': np.zeros((0, 4, 4, 1), np.uint8)}, 'non-empty'),
    ({'train_labels': np.zeros(6)}, 'train labels are float64; give integers'),
    ({'train_labels': np.array(['a'] * 6)}, 'train labels are <U1; give'),
    ({'train_labels': np.arange(5)}, r'\(5,\) for 6 images'),
    ({'test_labels': np.array([0, 1, 7])}, r'row 2: 7.*num_classes'),
    ({'train_labels': np.arange(6) - 1}, r'row 0: -1'),
    ({'num_classes': 5}, r'2 of 5 classes have no training row \(3, 4\)'),
    ({'class_names': ['a', 'b'], 'num_classes': 3}, '2 names for 3'),
    ({'train_groups': np.zeros(6)}, 'groups are float64; give integers'),
    ({'test_groups': np.zeros(6, int)}, r'\(6,\) for 3 images'),
    (
      {'test_images': np.zeros((3, 8, 8, 3), np.uint8)},
      'colour 8x8x3 where grayscale 4x4x1 is needed; set size=4, channels=1',
    ),
  ],
)
def test_arrays(changes, match):
  _fails(match, data.from_arrays, **_arrays(**changes))


def test_gray_images_for_a_colour_configuration():
  images = np.zeros((6, 32, 32, 1), np.uint8)
  match = r'set channels=3, as in --config\.data\.channels=3$'
  _fails(match, data.require_shape, 'mnist', images, (32, 32, 3))
  data.require_shape('mnist', images, (32, 32, 1))


@pytest.mark.parametrize(
  ('name', 'match'),
  [
    ('cifar10', 'did you mean tfds:cifar10'),
    ('tdfs:cifar10', 'did you mean tfds:cifar10'),
    ('digit', 'did you mean digits'),
    ('foldr:/data/x', 'did you mean folder:/data/x'),
    ('zzz', 'names are digits, tfds:NAME, folder:PATH'),
    ('npz:', 'unknown data set'),
    ('folder:/nowhere', 'not a directory'),
    ('idx:/nowhere', 'not a directory'),
    ('npz:/nowhere.npz', 'not a file'),
  ],
)
def test_unknown_names_and_missing_paths(name, match):
  _fails(match, data.load, name)


@pytest.mark.parametrize('scheme', ['folder', 'idx'])
def test_empty_directory(scheme, tmp_path):
  _fails('empty directory', data.load, f'{scheme}:{tmp_path}')


@pytest.mark.parametrize('name', ['digits', 'idx:{}'])
def test_unknown_split(name, tmp_path):
  (tmp_path / 'file').touch()
  _fails("no split 'dev'", data.load_split, name.format(tmp_path), 'dev')


@pytest.mark.parametrize(
  ('arguments', 'match'),
  [
    ({'size': 0}, 'size is 0; give a positive int'),
    ({'size': (8, 8, 1)}, r'size is \(8, 8, 1\)'),
    ({'channels': 2}, 'channels is 2; give 1'),
  ],
)
def test_size_and_channels(arguments, match):
  _fails(match, data.load, 'digits', **arguments)


@pytest.fixture
def folder(tmp_path):
  for split in ('train', 'test'):
    for name in ('cat', 'dog'):
      (tmp_path / split / name).mkdir(parents=True)
      Image.new('RGB', (4, 4)).save(tmp_path / split / name / 'a.png')
  return tmp_path


def _load_folder(folder):
  return data.load(f'folder:{folder}')


def test_folder_with_a_corrupt_image(folder):
  bad = folder / 'train' / 'dog' / 'b.png'
  noise = np.random.default_rng(0).integers(0, 256, (9, 9, 3), np.uint8)
  Image.fromarray(noise).save(bad)
  bad.write_bytes(bad.read_bytes()[:150])
  match = r'1 of 3 images of train/ cannot .* 5%: 1 truncated .*\(train/dog/b'
  _fails(match, _load_folder, folder)
  bad.write_text('hello')
  _fails(r'1 without an image inside \(train/dog/b', _load_folder, folder)


def test_folder_with_the_wrong_directories(folder):
  (folder / 'test' / 'cow').mkdir()
  _fails("test/ has a class 'cow' that train/ lacks", _load_folder, folder)
  (folder / 'test').rename(folder / 'other')
  _fails('no class has two images.*add test/CLASS/', _load_folder, folder)
  (folder / 'train' / 'dog' / 'a.png').unlink()
  (folder / 'other').rename(folder / 'val')
  (folder / 'val' / 'cow').rmdir()
  _fails(r'no training row \(dog\)', _load_folder, folder)
  (folder / 'train' / 'cat' / 'a.png').unlink()
  _fails('train/ has no images', _load_folder, folder)


@pytest.mark.parametrize(
  ('content', 'match'),
  [
    (b'\0\0\x08\x01' + bytes(12), '00000801, not the IDX magic number'),
    (b'', 'starts with nothing'),
    (bytes.fromhex('00000803' + '00000002' * 3) + bytes(7), '7 bytes.* 8'),
  ],
)
def test_idx_with_a_bad_file(tmp_path, content, match):
  (tmp_path / 'train-images-idx3-ubyte').write_bytes(content)
  _fails(match, data.load, f'idx:{tmp_path}')


def test_idx_with_a_missing_or_cut_file(tmp_path):
  (tmp_path / 'readme').touch()
  _fails('no train-images-idx3-ubyte', data.load, f'idx:{tmp_path}')
  header = struct.pack('>4B3I', 0, 0, 8, 3, 2, 8, 8)
  whole = header + np.random.default_rng(0).bytes(128)
  cut = gzip.compress(whole)[:-20]
  (tmp_path / 'train-images-idx3-ubyte.gz').write_bytes(cut)
  _fails('cannot be read .*download it again', data.load, f'idx:{tmp_path}')


def test_npz_with_missing_keys_or_objects(tmp_path):
  file = tmp_path / 'set.npz'
  name = f'npz:{file}'
  np.savez(file, train_images=np.zeros(3))
  _fails(r'lacks train_labels \(it has train_images\)', data.load, name)
  labels = np.array([0, None, 2, 0, 1, 2], object)
  np.savez(file, **_arrays(train_labels=labels))
  _fails('npz of plain arrays .*no object arrays', data.load, name)
  np.savez(file, **_arrays(train_labels=np.full(6, 0.5)))
  _fails('train labels are float64', data.load, name)
  file.write_text('hello')
  _fails('npz of plain arrays', data.load, name)
  with file.open('wb') as stream:
    np.save(stream, np.zeros(3))
  _fails('npz of plain arrays', data.load, name)


@pytest.mark.parametrize('size', [0, 6, 0.0, 1.0, -0.5])
def test_validation_split_of_everything_or_nothing(size):
  dataset = data.from_arrays(**_arrays())
  with pytest.raises(UserError, match='does not divide 6 rows'):
    data.split_validation(dataset, size, jax.random.key(0))


def test_validation_split_that_empties_a_class():
  dataset = data.from_arrays(**_arrays())
  with pytest.raises(UserError, match='without a training row'):
    data.split_validation(dataset, 5, jax.random.key(0))


def test_mock_of_an_unknown_name_or_without_classes():
  _fails('one of cifar100', data.mock, 'cifar_100')
  _fails('needs num_classes', data.mock, (8, 8, 3))


def test_prepare_without_tensorflow(monkeypatch):
  monkeypatch.setattr('importlib.util.find_spec', lambda _: None)
  with pytest.raises(UserError, match='needs TensorFlow'):
    prepare.main(['prepare', 'cifar10'])
  with pytest.raises(UserError, match=r'data\.prepare cifar10'):
    prepare.main(['prepare'])
