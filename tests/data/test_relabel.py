"""Labels that an earlier cleaning proposed, taken in place of the given."""

from __future__ import annotations

from data.readers import table_cases as cases
from data.readers.folder_cases import fill
import numpy as np
import pytest

from rdd_jax import data
from rdd_jax.config.build.data import load
from rdd_jax.config.presets.own import own
from rdd_jax.core.errors import UserError

HEADER = ('file', 'given', 'proposed', 'trust', 'score')


@pytest.fixture
def root(tmp_path):
  """Ten rows of each class for training, five for test."""
  fill(tmp_path / 'set' / 'train', 10)
  fill(tmp_path / 'set' / 'test', 5)
  return tmp_path / 'set'


def _write(root, rows):
  return cases.write_csv(root.parent / 'relabeled.csv', HEADER, rows)


def _name(i, part='train', label='cat'):
  return f'{part}/{label}/{i:03}.png'


def test_labels_are_those_proposed(root, capsys):
  file = _write(
    root,
    [
      (_name(3), 'cat', 'dog', 'relabeled', 0.1),
      (_name(4), 'cat', 'cat', 'trusted', 0.9),
      (_name(5), 'cat', 'dog', 'left out', 0.2),
      (_name(0, 'test'), 'cat', 'dog', 'relabeled', 0.1),
      ('gone.png', 'cat', 'dog', 'relabeled', 0.1),
    ],
  )
  before = data.load(f'folder:{root}')
  config = own(f'data=folder:{root},labels={file}')
  capsys.readouterr()
  found = load(config)
  assert (
    capsys.readouterr()
    .out.strip()
    .endswith(
      f'labels={file}: 1 of 2 training labels that it names differ; 1 rows are '
      'left out, as it says; 17 rows are not named and keep theirs ('
      f'{_name(0)}, {_name(1)}, {_name(2)}, ...); 1 of its files are test rows '
      f'here, which keep theirs ({_name(0, "test")}); 1 of its files are no '
      'row (gone.png)'
    )
  )
  expected = before.train_labels.copy()
  expected[3] = 1
  np.testing.assert_array_equal(found.train_labels, np.delete(expected, 5))
  assert _name(5) not in found.train_names
  np.testing.assert_array_equal(found.test_labels, before.test_labels)
  assert before.train_labels[3] == 0


def test_rows_without_names_are_named_by_number(tmp_path, capsys):
  digits = data.load('digits')
  file = _write(tmp_path / 'x', [(7, '', '3', 'trusted', 1)])
  found = data.relabeled(digits, str(file))
  assert found.train_labels[7] == 3
  assert (found.train_labels != digits.train_labels).sum() <= 1
  assert '1296 rows are not named' in capsys.readouterr().out


@pytest.mark.parametrize(
  ('rows', 'match'),
  [
    ([('gone.png', '', 'cat', '', '')], 'names none of the 20 training rows'),
    ([(_name(0), '', 'cow', '', '')], r'proposes 1 classes .* \(cow\); there'),
    (
      [(_name(0), '', 'cat', '', ''), (_name(0), '', 'dog', '', '')],
      'names train/cat/000.png twice',
    ),
    (
      [(_name(i), '', 'dog', 'relabeled', '') for i in range(10)],
      r'leaves 1 classes without a training row \(cat\)',
    ),
    (None, 'is not a file'),
  ],
)
def test_tables_that_are_refused(root, rows, match):
  file = root / 'none.csv' if rows is None else _write(root, rows)
  with pytest.raises(UserError, match=match) as caught:
    data.relabeled(data.load(f'folder:{root}'), str(file))
  assert '\n' not in str(caught.value)


def test_another_table_is_refused(root):
  file = cases.write_csv(root.parent / 'a.csv', ('file', 'true'), [('a', 'b')])
  with pytest.raises(UserError, match=r'no column proposed .it has file, true'):
    data.relabeled(data.load(f'folder:{root}'), str(file))
