"""Layouts of folders: splits, classes, and what is held out for test."""

from __future__ import annotations

from data.readers.folder_cases import fails, fill, save
import numpy as np
import pytest

from rdd_jax import data
from rdd_jax.core.errors import UserError


@pytest.mark.parametrize(
  ('train', 'test'),
  [
    ('train', 'test'),
    ('Train', 'TEST'),
    ('training', 'testing'),
    ('Training', 'valid'),
    ('train', 'Validation'),
    ('train', 'val'),
  ],
)
def test_splits_by_any_name(tmp_path, train, test):
  fill(tmp_path / train)
  fill(tmp_path / test, 2)
  found = data.load(f'folder:{tmp_path}')
  assert (len(found.train_labels), len(found.test_labels)) == (10, 4)
  assert found.test_names[0] == f'{test}/cat/000.png'
  assert data.load_split(f'folder:{tmp_path}', 'test').names[0] == (
    f'{test}/cat/000.png'
  )


def test_val_is_read_by_its_name(tmp_path):
  for count, name in enumerate(('train', 'test', 'valid'), 1):
    fill(tmp_path / name, count)
  for split in ('val', 'valid', 'validation'):
    assert len(data.load_split(f'folder:{tmp_path}', split).labels) == 6


@pytest.mark.parametrize('top', ['', 'train'])
@pytest.mark.parametrize('options', [{}, {'size': 3, 'channels': 1}])
def test_a_fifth_is_held_out_where_there_is_no_test(
  tmp_path, top, options, capsys
):
  fill(tmp_path / top, 20, ('cat', 'dog'))
  fill(tmp_path / top, 2, ('emu',))
  fill(tmp_path / top, 1, ('fox',))
  name = f'folder:{tmp_path}'
  found = data.load(name, **options)
  lines = capsys.readouterr().out.splitlines()
  assert lines == [
    f'{name}: there is no test split; a fifth of each class, 9 of 43 images, '
    'is held out for it, the same ones every time',
    f'{name}: 1 of 4 classes have no test image (fox)',
  ]
  assert np.bincount(found.test_labels).tolist() == [4, 4, 1]
  assert np.bincount(found.train_labels).tolist() == [16, 16, 1, 1]
  train, test = (set(n.tolist()) for n in (found.train_names, found.test_names))
  assert not train & test
  assert len(train | test) == 43
  for split in ('train', 'test'):
    alone = data.load_split(name, split, **options)
    for field in ('images', 'labels', 'names'):
      np.testing.assert_array_equal(
        getattr(alone, field), getattr(found, f'{split}_{field}')
      )


def test_held_out_rows_of_a_class_do_not_depend_on_others(tmp_path):
  fill(tmp_path, 20, ('cat',))
  fill(tmp_path, 3, ('dog',))
  before = data.load(f'folder:{tmp_path}').test_names
  fill(tmp_path, 7, ('ant',))
  after = data.load(f'folder:{tmp_path}').test_names
  assert set(before.tolist()) < set(after.tolist())


def test_folders_below_a_class(tmp_path):
  fill(tmp_path / 'train', 2)
  save(tmp_path / 'train' / 'cat' / 'a' / 'b' / 'c.png')
  fill(tmp_path / 'test', 1)
  found = data.load(f'folder:{tmp_path}')
  assert found.train_names.tolist()[2] == 'train/cat/a/b/c.png'
  assert found.train_labels.tolist() == [0, 0, 0, 1, 1]


def test_classes_of_numbers_are_in_the_order_of_numbers(tmp_path):
  fill(tmp_path / 'train', 1, [str(n) for n in range(11)])
  fill(tmp_path / 'test', 1, ['10', '2'])
  found = data.load(f'folder:{tmp_path}')
  assert found.class_names == tuple(str(n) for n in range(11))
  assert found.test_labels.tolist() == [2, 10]
  fill(tmp_path / 'train', 1, ['x'])
  assert data.load(f'folder:{tmp_path}').class_names[:3] == ('0', '1', '10')


def test_a_class_may_be_called_as_a_split(tmp_path):
  fill(tmp_path, 5, ('car', 'train'))
  assert data.load(f'folder:{tmp_path}').class_names == ('car', 'train')


def test_one_directory_around_the_splits(tmp_path):
  fill(tmp_path / 'pets' / 'train')
  fill(tmp_path / 'pets' / 'test', 1)
  found = data.load(f'folder:{tmp_path}')
  assert found.test_names[0] == 'pets/test/cat/000.png'


def test_a_train_class_without_test_rows_is_said(tmp_path, capsys):
  fill(tmp_path / 'train')
  fill(tmp_path / 'test', 1, ('dog',))
  data.load(f'folder:{tmp_path}')
  assert '1 of 2 classes have no test image (cat)' in capsys.readouterr().out


def test_test_without_train_is_read_alone(tmp_path):
  fill(tmp_path / 'test', 2, ('any',))
  assert len(data.load_split(f'folder:{tmp_path}', 'test').labels) == 2
  fails('has no train/ .it has test/.; put images in .*/train/CLASS/', tmp_path)


def test_layouts_that_are_refused(tmp_path):
  save(tmp_path / 'a' / 'train' / 'x.png')
  save(tmp_path / 'a' / 'test' / 'x.png')
  fails('train/ has no directories of classes', tmp_path / 'a')
  fill(tmp_path / 'b' / 'train')
  fill(tmp_path / 'b' / 'Training')
  fails('has both Training/ and train/; keep one', tmp_path / 'b')
  save(tmp_path / 'c' / 'x.png')
  fails('c/ has no directories of classes', tmp_path / 'c')
  fill(tmp_path / 'd', 2)
  with pytest.raises(UserError, match=r'no dev/ .it has classes, no splits'):
    data.load_split(f'folder:{tmp_path}/d', 'dev')
  (tmp_path / 'd' / 'cow').mkdir()
  fails(r'1 of 3 classes have no training row \(cow\); put', tmp_path / 'd')


@pytest.mark.parametrize(
  ('files', 'match'),
  [
    (('data_batch_1.bin',), 'data.prepare cifar10$'),
    (('train-images-idx3-ubyte.gz',), 'read it as idx:'),
    (('list_attr_celeba.csv',), 'read it as celeba:'),
    (('dataset_info.json',), 'read it as tfds:NAME'),
  ],
)
def test_other_formats_are_named(tmp_path, files, match):
  for name in files:
    save(tmp_path / name, 'a')
  fails(match, tmp_path)
