"""A cleaned folder written again: what moves, what stays, what is refused."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from rdd_jax import convert
from rdd_jax.core.errors import UserError

ROWS = [
  ('cat/1.png', 'cat', 'cat', 'trusted'),
  ('cat/2.png', 'cat', 'dog', 'relabeled'),
  ('dog/2.png', 'dog', 'dog', 'trusted'),
  ('dog/3.png', 'dog', 'cat', 'left out'),
]


@pytest.fixture(params=['', 'train'])
def photos(tmp_path: Path, request) -> Path:
  """Files that hold their own name, below the folder or its `train`."""
  for name, *_ in ROWS:
    file = tmp_path / 'photos' / request.param / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(name)
  return tmp_path / 'photos'


def table(run: Path, rows=ROWS) -> Path:
  run.mkdir(exist_ok=True)
  with (run / 'relabeled.csv').open('w', newline='') as file:
    writer = csv.writer(file)
    writer.writerow(('file', 'given', 'proposed', 'trust', 'score'))
    writer.writerows((*row, '0.5') for row in rows)
  return run


def test_a_dry_run_says_what_would_move_and_writes_nothing(photos, tmp_path):
  run = table(tmp_path / 'run')
  before = sorted(tmp_path.rglob('*'))
  lines = convert.relabel(run, photos, None)
  assert lines[:2] == [
    '3 files: 1 go to another class, 1 are left out',
    '  cat -> dog: 1',
  ]
  assert '--out' in lines[-1]
  assert sorted(tmp_path.rglob('*')) == before


@pytest.mark.parametrize('link', [False, True])
def test_files_go_where_the_table_says(photos, tmp_path, link):
  run, out = table(tmp_path / 'run'), tmp_path / 'clean'
  convert.relabel(run / 'relabeled.csv', photos, out, link=link)
  found = {str(p.relative_to(out)): p.read_text() for p in out.rglob('*.png')}
  # Two files of one name are both there.
  assert found == {
    'cat/1.png': 'cat/1.png',
    'dog/2.png': 'cat/2.png',
    'dog/2_2.png': 'dog/2.png',
  }
  assert all(p.is_symlink() == link for p in out.rglob('*.png'))
  with pytest.raises(UserError, match='in use'):
    convert.relabel(run, photos, out)


@pytest.mark.parametrize(
  ('row', 'message'),
  [
    (('cat/9.png', 'cat', 'cat', 'trusted'), 'cat/9.png'),
    (('../run/relabeled.csv', 'cat', 'cat', 'trusted'), 'not in'),
    (('cat/1.png', 'cat', '../elsewhere', 'relabeled'), 'no name of'),
    (('cat/1.png', 'cat', '', 'relabeled'), 'no name of'),
  ],
)
def test_what_leads_out_of_the_folder_is_refused(
  photos, tmp_path, row, message
):
  run = table(tmp_path / 'run', [*ROWS, row])
  with pytest.raises(UserError, match=message):
    convert.relabel(run, photos, tmp_path / 'clean')
  assert not list((tmp_path / 'clean').rglob('*'))


def test_another_table_or_folder_is_refused(photos, tmp_path):
  run = table(tmp_path / 'run')
  with pytest.raises(UserError, match='not a directory'):
    convert.relabel(run, tmp_path / 'nowhere', None)
  (run / 'relabeled.csv').write_text('name,label\na,b\n')
  with pytest.raises(UserError, match=r'relabeled\.csv of a run'):
    convert.relabel(run, photos, None)
  (run / 'relabeled.csv').unlink()
  with pytest.raises(UserError, match='cannot be read'):
    convert.relabel(run, photos, None)
