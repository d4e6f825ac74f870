"""Parquet and what datasets saves: splits, labels, names, and wrong files."""

from __future__ import annotations

import json

from data.readers import table_cases as cases
from data.readers.folder_cases import fill, save
import pyarrow as pa
from pyarrow import parquet
import pytest

from rdd_jax import data
from rdd_jax.core.errors import UserError

CLASSES = ['cat', 'dog']


@pytest.fixture
def rows(tmp_path):
  return cases.listed(fill(tmp_path / 'folder'))


def _fails(name, match):
  with pytest.raises(UserError, match=match) as caught:
    data.load(name)
  assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
  ('train', 'test'),
  [
    ('data/train-00000-of-00001.parquet', 'data/test-00000-of-00001.parquet'),
    ('train.parquet', 'validation.parquet'),
    ('default/train/0000.parquet', 'default/valid/0000.parquet'),
  ],
)
@pytest.mark.parametrize('scheme', ['parquet', 'folder'])
def test_splits_by_the_names_of_files(tmp_path, rows, scheme, train, test):
  root = tmp_path / 'set'
  cases.write_parquet(root / train, rows[:8], CLASSES)
  cases.write_parquet(root / test, rows[8:], CLASSES)
  save(root / 'README.md', 'a')
  found = data.load(f'{scheme}:{root}')
  assert found.train_labels.tolist() == [0] * 5 + [1] * 3
  assert found.test_labels.tolist() == [1, 1]
  assert found.train_names[7] == 'train:7'
  expected = data.load_split(f'folder:{tmp_path}/folder', 'all')
  assert (found.train_images == expected.images[:8]).all()


def test_classes_are_in_the_order_of_the_schema(tmp_path, rows, capsys):
  classes = ['dog', 'cow', 'cat']
  file = cases.write_parquet(tmp_path / 'a.parquet', rows, classes)
  found, lines = cases.load(f'parquet:{file}', capsys)
  assert found.class_names == ('dog', 'cat')
  assert found.train_labels.tolist() == [1] * 4 + [0] * 4
  assert lines == [
    '10 rows of a.parquet',
    '1 of 3 classes have no row in train (cow) and are left out; the others '
    'are numbered anew',
    'there is no test split; a fifth of each class, 2 of 10 images, is held '
    'out for it, the same ones every time',
  ]


def test_words_splits_and_groups_in_columns(tmp_path, rows):
  table = cases.as_arrow(rows)
  table = table.append_column('split', pa.array(['train', 'test'] * 5))
  table = table.append_column('group', pa.array([0, 0, 1, 1, 0] * 2))
  parquet.write_table(table, tmp_path / 'a.parquet')
  found = data.load(f'parquet:{tmp_path}/a.parquet')
  assert found.class_names == ('cat', 'dog')
  assert found.test_names.tolist() == [f'test:{i}' for i in range(5)]
  assert found.train_groups.tolist() == [0, 1, 0, 0, 1]


def test_paths_where_there_are_no_bytes(tmp_path, rows):
  cells = [{'bytes': None, 'path': str(path)} for path, _, _ in rows]
  kind = pa.struct([('bytes', pa.binary()), ('path', pa.string())])
  table = pa.table({'image': pa.array(cells, kind), 'y': [0, 1] * 5})
  parquet.write_table(table, tmp_path / 'a.parquet')
  found = data.load(f'parquet:{tmp_path}/a.parquet')
  assert found.train_names[0] == str(rows[0][0])
  rows[0][0].unlink()
  _fails(f'parquet:{tmp_path}/a.parquet', r'1 missing \(.*cat/000.png\)')


def test_rows_without_a_label_are_counted(tmp_path, rows, capsys):
  table = cases.as_arrow(rows, CLASSES)
  labels = pa.array([-1, None, 0, 0, 0, 1, 1, 1, 1, 1])
  table = table.set_column(1, 'label', labels)
  parquet.write_table(table, tmp_path / 'a.parquet')
  found, lines = cases.load(f'parquet:{tmp_path}/a.parquet', capsys)
  assert len(found.train_labels) + len(found.test_labels) == 8
  assert lines[0] == (
    '2 of 10 files are left out: 2 without a label (train:0, train:1)'
  )


def test_several_splits_that_datasets_saved(tmp_path, rows):
  root = tmp_path / 'saved'
  cases.write_saved(root / 'train', rows[2:8], CLASSES)
  cases.write_saved(root / 'test', rows[8:], CLASSES)
  state = json.dumps({'splits': ['train', 'test']})
  (root / 'dataset_dict.json').write_text(state)
  for name in (f'hf:{root}', f'folder:{root}'):
    found = data.load(name)
    assert found.train_labels.tolist() == [0] * 3 + [1] * 3
    assert found.test_names.tolist() == ['test:0', 'test:1']
  (root / 'train' / 'state.json').write_text('{"_data_files": [{}]}')
  _fails(f'hf:{root}', 'train/state.json names no data files')
  (root / 'train' / 'state.json').write_text('{')
  _fails(f'hf:{root}', 'train/state.json cannot be read')
  (root / 'dataset_dict.json').write_text('{}')
  _fails(f'hf:{root}', 'splits is None; copy the directory again')


def test_what_is_refused(tmp_path, rows):
  _fails(f'parquet:{tmp_path}/none', 'is not a directory')
  _fails(f'parquet:{tmp_path}/folder', 'has no .parquet files')
  _fails(f'hf:{tmp_path}/folder', 'no dataset_dict.json or state.json')
  (tmp_path / 'text.parquet').write_text('words')
  _fails(f'parquet:{tmp_path}/text.parquet', 'cannot be read .ArrowInvalid')
  image = cases.as_arrow(rows).select(['image'])
  for name, table, match in (
    ('a', image, 'no column of labels .it has image.; call one label'),
    ('b', pa.table({'label': [1]}), 'no column of encoded images'),
    (
      'c',
      image.append_column('label', pa.array([[0, 1]] * 10)),
      'are list<.*: several labels a row',
    ),
    (
      'd',
      cases.as_arrow(rows, CLASSES).set_column(1, 'label', pa.array([7] * 10)),
      'label has 7 to 7 where the schema names 2 classes',
    ),
  ):
    parquet.write_table(table, tmp_path / f'{name}.parquet')
    _fails(f'parquet:{tmp_path}/{name}.parquet', match)
  root = tmp_path / 'configs'
  for name in ('a', 'b'):
    cases.write_parquet(root / name / 'train-0.parquet', rows, CLASSES)
  _fails(f'parquet:{root}', r'in 2 directories \(a, b\), which may be several')
  other = tmp_path / 'other'
  cases.write_parquet(other / 'train-0.parquet', rows, CLASSES)
  cases.write_parquet(other / 'train-1.parquet', rows, CLASSES[::-1])
  _fails(f'parquet:{other}', r'other classes \(dog, cat\) than train-0')
