"""A messy folder, and the same as CSV, parquet, npz and what datasets saves."""

from __future__ import annotations

import re

from data.readers import table_cases as cases
import messy
import numpy as np
import pytest

from rdd_jax import data


@pytest.fixture(scope='module')
def root(tmp_path_factory):
  """Digits only, so that the test is the same without Fashion-MNIST."""
  digits = data.load('digits')
  images = list(digits.train_images[:120, ..., 0])
  truth = [f'digit {label}' for label in digits.train_labels[:120]]
  root = tmp_path_factory.mktemp('messy') / 'set'
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(messy, 'rows', lambda _: (images, truth))
    messy.make(root)
  return root


def _problems(lines):
  """What is said of pixels, and of what is held out."""
  return [
    line
    for line in lines
    if 'files are left out' not in line and ' rows of ' not in line
  ]


def _kinds(lines):
  """Counts and kinds of what is left out."""
  (line,) = [line for line in lines if 'files are left out' in line]
  return set(re.findall(r'(\d+ [^(),:]+) \(', line))


def test_the_same_arrays_to_the_byte(root, tmp_path, capsys):
  expected, said = cases.load(f'folder:{root}', capsys)
  rows = cases.listed(root)
  classes = sorted({label for _, _, label in rows})
  assert {'1 empty', '1 truncated or damaged'} <= _kinds(said)
  cells = [(name, label) for _, name, label in rows]
  np.random.default_rng(0).shuffle(cells)
  table = cases.write_csv(root / 'labels.csv', ('path', 'class'), cells)
  sources = {
    'csv': table,
    'parquet': cases.write_parquet(tmp_path / 'a.parquet', rows, classes),
    'hf': cases.write_saved(tmp_path / 'saved', rows, classes),
  }
  for scheme, path in sources.items():
    for name in (f'{scheme}:{path}', f'folder:{path}'):
      found, lines = cases.load(name, capsys)
      fields = cases.FIELDS if scheme == 'csv' else cases.FIELDS[:2]
      cases.same(found, expected, fields)
      assert _problems(lines) == _problems(said), name
      assert {'1 empty', '1 truncated or damaged'} == _kinds(lines), name
  table.unlink()


def test_metadata_in_the_folder(root, capsys):
  expected, said = cases.load(f'folder:{root}', capsys)
  cells = [(name, label) for _, name, label in cases.listed(root)]
  table = cases.write_csv(root / 'metadata.csv', ('file_name', 'label'), cells)
  found, lines = cases.load(f'folder:{root}', capsys)
  table.unlink()
  cases.same(found, expected)
  assert _problems(lines) == _problems(said)
  assert _kinds(lines) == _kinds(said)


def test_arrays(root, tmp_path, capsys):
  expected, _ = cases.load(f'folder:{root}', capsys)
  whole = data.load_split(f'folder:{root}', 'all')
  arrays = {'X': whole.images, 'y': np.array(whole.class_names)[whole.labels]}
  np.savez(tmp_path / 'a.npz', **arrays)
  (tmp_path / 'pair').mkdir()
  for key, values in arrays.items():
    np.save(tmp_path / 'pair' / f'{key}.npy', values)
  for name in ('npz:a.npz', 'folder:a.npz', 'npy:pair', 'folder:pair'):
    scheme, _, path = name.partition(':')
    found, lines = cases.load(f'{scheme}:{tmp_path / path}', capsys)
    cases.same(found, expected, cases.FIELDS[:2])
    assert found.test_names.tolist() == [
      str(whole.names.tolist().index(name)) for name in expected.test_names
    ]
    assert any('there is no test split' in line for line in lines)
