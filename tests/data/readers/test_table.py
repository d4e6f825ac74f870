"""CSV and metadata: columns, splits, groups, and what is wrong with rows."""

from __future__ import annotations

import json

from data.readers import table_cases as cases
from data.readers.folder_cases import COLOR, fill, save
import numpy as np
import pyarrow as pa
from pyarrow import parquet
import pytest

from rdd_jax import data
from rdd_jax.core.errors import UserError

HEADER = ('file_name', 'label')


@pytest.fixture
def root(tmp_path):
  """Ten images of two classes, in directories that say nothing."""
  for i in range(10):
    save(tmp_path / 'pixels' / f'{i}.png', COLOR // (i % 2 + 2) + np.uint8(i))
  return tmp_path


def _rows(**cells):
  """A row for each image: its name, its class, and what is given."""
  return [
    (f'pixels/{i}.png', 'ab'[i % 2], *(values[i] for values in cells.values()))
    for i in range(10)
  ]


def _fails(name, match):
  with pytest.raises(UserError, match=match) as caught:
    data.load(name)
  assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
  'header',
  [('path', 'class'), ('FileName', 'Target'), ('image', 'y'), HEADER],
)
@pytest.mark.parametrize('delimiter', [',', ';', '\t'])
def test_columns_by_their_names(root, header, delimiter, capsys):
  file = cases.write_csv(
    root / 'a.csv',
    ('id', *header),
    [(7, *r) for r in _rows()],
    delimiter=delimiter,
  )
  raw = file.read_bytes()
  file.write_bytes(b'\xef\xbb\xbf' + raw.replace(b'\n', b'\r\n'))
  found, lines = cases.load(f'csv:{file}', capsys)
  assert lines[0] == (
    f'10 rows of a.csv; {header[0]} is the file, {header[1]} the label'
  )
  assert found.class_names == ('a', 'b')
  assert len(found.train_labels) == 8
  assert found.train_names[0] == 'pixels/0.png'
  np.testing.assert_array_equal(found.train_images[0], COLOR // 2)


@pytest.mark.parametrize('kind', ['csv', 'jsonl', 'parquet'])
def test_metadata_of_any_kind_with_splits_and_groups(root, kind, capsys):
  splits = ['train'] * 6 + ['validation'] * 2 + ['test', 'extra']
  groups = [0.0, 1.0, None, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0]
  names = (*HEADER, 'split', 'group')
  rows = _rows(splits=splits, groups=groups)
  file = root / f'metadata.{kind}'
  if kind == 'csv':
    cases.write_csv(file, names, rows)
  elif kind == 'jsonl':
    lines = [json.dumps(dict(zip(names, row, strict=True))) for row in rows]
    file.write_text('\n'.join(lines))
  else:
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    parquet.write_table(pa.table(columns), file)
  save(root / 'pixels' / 'more.png')
  save(root / 'notes.txt', 'a')
  found, lines = cases.load(f'folder:{root}', capsys)
  assert found.train_names.tolist() == [
    f'pixels/{i}.png' for i in (0, 2, 4, 1, 3, 5)
  ]
  assert found.train_labels.tolist() == [0, 0, 0, 1, 1, 1]
  assert found.train_groups.tolist() == [0, -1, 0, 1, 1, 0]
  assert found.test_names.tolist() == ['pixels/8.png']
  assert lines[0].startswith('5 of 12 files are left out: ')
  for part in (
    f'1 not named in metadata.{kind} (pixels/more.png)',
    '1 that are no images (notes.txt)',
    '2 of val, not read beside a test split (pixels/6.png, pixels/7.png)',
    '1 of extra, not read beside a test split (pixels/9.png)',
  ):
    assert part in lines[0]
  assert '1 of 2 classes have no test image (b)' in lines
  val = data.load_split(f'folder:{root}', 'val')
  assert val.labels.tolist() == [0, 1]


def test_metadata_in_the_directories_of_splits(tmp_path, capsys):
  for split, count in (('train', 4), ('valid', 2)):
    fill(tmp_path / split, count)
    rows = [
      (name.partition('/')[2], label)
      for _, name, label in cases.listed(tmp_path, split)
    ]
    cases.write_csv(tmp_path / split / 'metadata.csv', HEADER, rows)
  found, _ = cases.load(f'folder:{tmp_path}', capsys)
  for split in ('train', 'valid'):
    (tmp_path / split / 'metadata.csv').unlink()
  expected, lines = cases.load(f'folder:{tmp_path}', capsys)
  cases.same(found, expected)
  assert lines == []


def test_metadata_without_labels_leaves_classes_to_the_folder(tmp_path, capsys):
  fill(tmp_path)
  cases.write_csv(
    tmp_path / 'metadata.csv', ('file_name', 'text'), [('cat/000.png', 'a cat')]
  )
  found, lines = cases.load(f'folder:{tmp_path}', capsys)
  assert found.class_names == ('cat', 'dog')
  assert any('no images (metadata.csv)' in line for line in lines)


@pytest.mark.parametrize('given', [('2.0', '10.0'), ('2', '10')])
def test_numbers_are_read_as_numbers(root, given, capsys):
  rows = [(name, given[label == 'b']) for name, label in _rows()]
  file = cases.write_csv(root / 'a.csv', HEADER, rows)
  found, _ = cases.load(f'csv:{file}', capsys)
  assert found.class_names == ('2', '10')
  assert found.train_names[0] == 'pixels/0.png'


def test_splits_by_number_and_groups_by_word(root, capsys):
  rows = _rows(s=['0.0'] * 6 + ['1.0'] * 2 + ['2.0'] * 2, g=['x', 'y'] * 5)
  file = cases.write_csv(root / 'a.csv', (*HEADER, 'split', 'place'), rows)
  found, lines = cases.load(f'csv:{file}', capsys)
  assert any(
    line.endswith('split the split, place the group') for line in lines
  )
  assert len(found.train_labels) == 6
  assert found.test_groups.tolist() == [0, 1]
  assert 'splits 0, 1 and 2 are read as train, val and test' in lines
  assert '2 groups, numbered x is 0, y is 1' in lines


def test_rows_without_an_image_are_counted(root, capsys):
  rows = [(f'pixels/{i}.png', 'ab'[i % 2]) for i in range(10)] * 10
  rows += [('', 'a'), ('pixels/new.png', ''), ('gone.png', 'a')]
  for i in range(30):
    save(root / 'pixels' / f'more{i}.png')
    rows.append((f'pixels/more{i}.png', 'a'))
  found, lines = cases.load(
    f'csv:{cases.write_csv(root / "a.csv", HEADER, rows)}', capsys
  )
  assert len(found.train_labels) + len(found.test_labels) == 40
  assert lines[0].startswith('93 of 133 files are left out: ')
  for part in (
    '1 rows without a file (row 100)',
    '90 named twice (pixels/0.png, ',
    '1 without a label (pixels/new.png)',
    '1 missing (gone.png)',
  ):
    assert part in lines[0]


@pytest.mark.parametrize(
  ('text', 'match'),
  [
    ('', 'has no rows'),
    ('path,y\n', 'has no rows'),
    ('pixels/0.png,a\npixels/1.png,b\n', 'has no column of files .it has pix'),
    ('path,color\npixels/0.png,a\n', 'no column of labels .it has path, color'),
    ('path,y,y\na,b,c\n', 'two columns have one name'),
    ('path,y\na,b,c\nd,e\n', r'1 lines have not 2 cells .* \(lines 2\)'),
    ('path,y\n"a,b\n', 'cannot be read as a csv table'),
    ('path,y\npixels/0.png,a\npixels/0.png,b\n', 'named twice, with different'),
    ('path,y\nx.png,a\n', '1 missing .x.png.'),
    ('path,y,split\npixels/0.png,a,dev\n', 'no rows of train .it has dev'),
    (
      'path,y,split\npixels/0.png,a,train\npixels/1.png,b,test\n',
      r'test has 1 classes \(b\) that train lacks',
    ),
    ('path,y\npixels/0.png,\n', 'no rows of train .it has no row with a label'),
  ],
)
def test_tables_that_are_refused(root, text, match):
  (root / 'a.csv').write_text(text)
  _fails(f'csv:{root}/a.csv', match)


def test_other_things_than_a_csv_are_refused(root):
  _fails(f'csv:{root}', 'is not a .csv file; check the path')
  _fails(f'csv:{root}/none.csv', 'is not a .csv file')
  (root / 'a.csv').write_bytes(b'path,y\n\xff\xfe\x00,b\n')
  _fails(f'csv:{root}/a.csv', 'UnicodeDecodeError')
  (root / 'metadata.jsonl').write_text('[1]\n')
  _fails(f'folder:{root}', 'a line is no object')
  (root / 'metadata.csv').write_text('file_name,label\n')
  _fails(f'folder:{root}', 'has both metadata.csv and metadata.jsonl; keep one')
