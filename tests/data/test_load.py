"""What `data.load` promises, on files that the tests write."""

from __future__ import annotations

import gzip
import struct
import zlib

import jax
from marks import slow_but
import numpy as np
from PIL import Image
import pytest

from rdd_jax import data


def _arrays(n=20, shape=(6, 5, 3), classes=4, seed=0):
  images = np.random.default_rng(seed).integers(0, 256, (n, *shape), np.uint8)
  return images, np.arange(n) % classes


@pytest.fixture
def arrays():
  return (*_arrays(), *_arrays(8, seed=1))


def _write_folder(root, images, labels):
  for i, (image, label) in enumerate(zip(images, labels, strict=True)):
    directory = root / f'class{label}'
    directory.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image.squeeze()).save(directory / f'{i:03}.png')


def _write_idx(file, array):
  header = bytes((0, 0, 8, array.ndim)) + struct.pack(
    f'>{array.ndim}I', *array.shape
  )
  raw = header + array.astype(np.uint8).tobytes()
  file.write_bytes(gzip.compress(raw) if file.suffix == '.gz' else raw)


def test_from_arrays_keeps_images_and_narrows_labels(arrays):
  found = data.from_arrays(*arrays, train_groups=np.arange(20) % 3 - 1)
  assert found.train_images is arrays[0]
  assert found.train_labels.dtype == found.train_groups.dtype == np.int32
  assert found.num_classes == 4
  assert found.class_names == ('0', '1', '2', '3')
  assert found.image_shape == (6, 5, 3)
  assert found.test_groups is None


def test_digits_split_is_fixed():
  found = data.load('digits')
  assert found.train_images.shape == (1297, 8, 8, 1)
  assert found.test_images.shape == (500, 8, 8, 1)
  assert (found.train_images.min(), found.train_images.max()) == (0, 255)
  # Published numbers depend on which rows are held out.
  assert zlib.crc32(found.test_images.tobytes()) == 2846944356


def test_folder_reads_rows_in_sorted_order(arrays, tmp_path):
  images, labels, test_images, test_labels = arrays
  _write_folder(tmp_path / 'train', images, labels)
  _write_folder(tmp_path / 'val', test_images, test_labels)
  (tmp_path / 'train' / 'class0' / 'notes.txt').write_text('not an image')
  found = data.load(f'folder:{tmp_path}')
  order = np.argsort(labels, kind='stable')
  np.testing.assert_array_equal(found.train_images, images[order])
  np.testing.assert_array_equal(found.train_labels, labels[order])
  assert found.class_names == ('class0', 'class1', 'class2', 'class3')
  assert len(found.test_labels) == 8


def test_folder_test_classes_are_numbered_as_in_train(tmp_path):
  images, labels = _arrays()
  _write_folder(tmp_path / 'train', images, labels)
  _write_folder(tmp_path / 'test', images[2:4], labels[2:4])
  found = data.load_split(f'folder:{tmp_path}', 'test')
  assert found.labels.tolist() == [2, 3]


def test_folder_of_mixed_images_takes_size_and_channels(tmp_path):
  images, labels = _arrays(8)
  _write_folder(tmp_path / 'train', images, labels)
  wide = np.zeros((4, 9, 9), np.uint8)
  _write_folder(tmp_path / 'train' / 'more', wide, [0, 1, 2, 3])
  (tmp_path / 'train' / 'more').rename(tmp_path / 'train' / 'class0' / 'more')
  _write_folder(tmp_path / 'test', *_arrays(4))
  found = data.load_split(f'folder:{tmp_path}', 'train', size=7, channels=3)
  assert found.images.shape == (12, 7, 7, 3)


@pytest.mark.parametrize('suffix', ['', '.gz'])
def test_idx_reads_what_was_written(tmp_path, suffix):
  images, labels = _arrays(shape=(6, 5))
  for stem, n in (('train', 20), ('t10k', 8)):
    _write_idx(tmp_path / f'{stem}-images-idx3-ubyte{suffix}', images[:n])
    _write_idx(tmp_path / f'{stem}-labels-idx1-ubyte{suffix}', labels[:n])
  found = data.load(f'idx:{tmp_path}')
  np.testing.assert_array_equal(found.train_images, images[..., None])
  np.testing.assert_array_equal(found.test_labels, labels[:8])


def test_npz_reads_what_was_written(arrays, tmp_path):
  names = ['train_images', 'train_labels', 'test_images', 'test_labels']
  np.savez(
    tmp_path / 'set.npz',
    train_groups=np.arange(20) % 2,
    class_names=np.array(['a', 'b', 'c', 'd']),
    **dict(zip(names, arrays, strict=True)),
  )
  found = data.load(f'npz:{tmp_path}/set.npz')
  for name, array in zip(names, arrays, strict=True):
    np.testing.assert_array_equal(getattr(found, name), array)
  assert found.class_names == ('a', 'b', 'c', 'd')
  assert found.train_groups is not None
  assert found.train_groups.tolist() == [0, 1] * 10


@pytest.mark.parametrize('size', [4, 8, 20, (4, 10)])
def test_resizing_keeps_constant_images_and_the_mean(size):
  images = np.full((2, 8, 8, 3), 77, np.uint8)
  height, width = (size, size) if isinstance(size, int) else size
  resized = data.images.convert(images, size, None)
  assert resized.shape == (2, height, width, 3)
  assert (resized == 77).all()
  noise = _arrays(4, (8, 8, 1))[0]
  # A filter that is not antialiased would miss most of these pixels.
  halved = data.images.convert(np.repeat(noise, 8, axis=1), 8, None)
  np.testing.assert_allclose(halved.mean(), noise.mean(), atol=4)


def test_channels_repeat_gray_and_take_the_luma_of_colour():
  gray = _arrays(4, (8, 8, 1))[0]
  colour = data.images.convert(gray, None, 3)
  np.testing.assert_array_equal(colour, np.repeat(gray, 3, axis=-1))
  np.testing.assert_array_equal(data.images.convert(colour, None, 1), gray)


@pytest.mark.parametrize('size', [0.1, 37])
def test_validation_split_partitions_each_class_in_proportion(size):
  rows = np.repeat(np.arange(4), [200, 100, 57, 13])
  labels = np.random.default_rng(0).permutation(rows)
  images = np.zeros((370, 2, 2, 1), np.uint8)
  dataset = data.from_arrays(images, labels, images, labels)
  train, validation = data.split_validation(dataset, size, jax.random.key(0))
  np.testing.assert_array_equal(
    np.sort(np.concatenate([train, validation])), np.arange(370)
  )
  assert len(validation) == 37
  taken = np.bincount(labels[validation], minlength=4)
  assert (np.abs(taken - np.array([20, 10, 5.7, 1.3])) < 1).all()


def test_validation_split_is_a_function_of_the_key(arrays):
  dataset = data.from_arrays(*arrays)
  first, again, other = (
    data.split_validation(dataset, 8, jax.random.key(seed))[1].tolist()
    for seed in (0, 0, 1)
  )
  assert first == again != other


SMALL = [name for name, (shape, _) in data.SHAPES.items() if shape[0] <= 128]


@pytest.mark.parametrize('name', slow_but(SMALL, data.SHAPES))
def test_mock_has_the_real_shape(name):
  shape, classes = data.SHAPES[name]
  found = data.mock(f'tfds:{name}', n=40)
  assert found.image_shape == shape
  assert found.num_classes == classes == len(set(found.test_labels.tolist()))


@pytest.mark.parametrize('name', data.GROUPED)
def test_mock_groups_go_along_with_the_class_in_all_but_a_twentieth(name):
  found = data.mock(name, n=400)
  assert found.train_groups is not None
  conflict = found.train_groups != found.train_labels
  shares = [conflict[found.train_labels == c].mean() for c in (0, 1)]
  np.testing.assert_allclose(shares, 0.05)
  means = {
    (c, g): found.train_images[
      (found.train_labels == c) & (found.train_groups == g)
    ].mean(0)
    for c in (0, 1)
    for g in (0, 1)
  }
  there = means[0, 1] - means[0, 0]  # where the groups' patterns differ
  again = means[1, 1] - means[1, 0]
  assert np.corrcoef(there.ravel(), again.ravel())[0, 1] > 0.5


def test_mock_is_learnable_and_seeded():
  found = data.mock((16, 16, 3), 10, n=500, seed=1)
  flat, test = (
    x.reshape(len(x), -1).astype(float) - 128
    for x in (found.train_images, found.test_images)
  )
  means = np.stack([flat[found.train_labels == c].mean(0) for c in range(10)])
  assert (np.argmax(test @ means.T, 1) == found.test_labels).mean() > 0.9
  assert not np.array_equal(found.train_images[0], found.train_images[10])
  again, other = (data.mock((16, 16, 3), 10, n=500, seed=s) for s in (1, 2))
  np.testing.assert_array_equal(again.train_images, found.train_images)
  assert not np.array_equal(other.train_images, found.train_images)
