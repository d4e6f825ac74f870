"""TFDS directories that prepare makes, and real ones where they are."""

from __future__ import annotations

from pathlib import Path
import sys

from data.readers.tfds_cases import _fails, _png, _write, tfds
import jax
import numpy as np
import pytest

from rdd_jax import data
from rdd_jax.core.errors import UserError
from rdd_jax.data import prepare


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
