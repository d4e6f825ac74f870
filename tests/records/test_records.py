"""Records hold what was measured, and tables what records hold."""

from __future__ import annotations

from dataclasses import replace
import json
from pathlib import Path
import subprocess

import numpy as np
import pytest

from rdd_jax.artifact import store
from rdd_jax.core.errors import UserError
from rdd_jax.evaluation.lookup import title
from rdd_jax.evaluation.metrics import summary
from rdd_jax.images.preprocessing import fit
from rdd_jax.records import origin, record, render
from rdd_jax.records.gather import gather
from rdd_jax.records.storage import of


def artifact(kind: str, **card: object) -> store.Distilled:
  rng = np.random.default_rng(0)
  return store.Distilled(
    images=rng.random((6, 4, 4, 3)).astype(np.float32),
    targets=np.tile(np.eye(3, dtype=np.float32), (2, 1)),
    weights=np.ones(6, np.float32),
    cells=np.tile(np.arange(3, dtype=np.int32), 2),
    preprocessing=fit(rng.integers(0, 256, (5, 4, 4, 3), np.uint8)),
    card={'schema': 1, 'label_kind': kind, 'class_names': ['a', 'b', 'c']}
    | card,
  )


def made() -> record.Record:
  rng = np.random.default_rng(1)
  rows = {
    name: {m: summary(rng.random(4)) for m in ('ece', 'accuracy', 'class_0')}
    for name in ('random', 'distilled')
  }
  return gather(
    rows,
    command='python -m rdd_jax.main --config=a.py',
    seeds='2 distillations x 2 networks, root seed 0',
    sets=[artifact('hard'), artifact('hard')],
    strong=['distilled'],
    extra={'distilled': {'seconds': {'mean': 3, 'digits': 0}}},
  )


def test_what_is_written_is_read(tmp_path: Path):
  path = tmp_path / 'deep' / 'a.json'
  record.write(path, made())
  found = record.read(path)
  assert found == made()
  assert render.render(found) == render.render(made())


def test_numbers_are_those_of_the_summaries():
  """In per cent, to the digits that a table shows; classes are left out."""
  found = made()
  assert list(found.columns) == ['accuracy', 'ece', 'seconds']
  assert found.n == 4
  values = np.random.default_rng(1).random((2, 3, 4))
  for row, own in zip(found.rows, values, strict=True):
    cell = row.cells['accuracy']
    assert isinstance(cell, dict)
    np.testing.assert_allclose(cell['mean'], 100 * own[1].mean(), atol=1e-4)
    np.testing.assert_allclose(cell['std'], 100 * own[1].std(ddof=1), atol=1e-4)
  lines = render.render(found).splitlines()
  assert lines[0] == f'|  | accuracy | {title("ece")} | seconds |'
  assert lines[2].endswith('| - |')
  assert lines[3].startswith('| **distilled** |')
  assert lines[3].endswith('| 3 |')


@pytest.mark.parametrize(
  ('kind', 'card', 'regime', 'numbers'),
  [
    ('hard', {}, 'hard', 6 * 48),
    ('free', {}, 'learned', 6 * 51),
    ('soft', {}, 'learned', 6 * 51),
    ('soft', {'source': 'x.npz'}, 'stored soft', 6 * 51),
  ],
)
def test_storage_counts_what_the_artifact_stores(kind, card, regime, numbers):
  """Four bytes a number; the bits of all classes are those of the set."""
  found = of(artifact(kind, **card))
  assert found.labels == regime
  assert found.bytes == 4 * numbers
  assert 3 * found.bits_per_class == 8 * found.bytes
  assert found.images_per_class == 2


def test_equal_settings_are_said_once():
  assert len(made().storage) == 1
  both = replace(made(), storage=[of(artifact('hard')), of(artifact('free'))])
  assert 'labels hard, 2 images per class' in render.caption(both, both.rows)
  assert 'labels learned, 2 images per class' in render.caption(both, both.rows)


def page(options: str = '') -> str:
  return f'a\n\n<!-- table: a{options} -->\nold\n<!-- end -->\n\nb\n'


def test_only_what_stands_between_marks_changes(tmp_path: Path):
  record.write(tmp_path / 'a.json', made())
  new = render.page(page(), tmp_path)
  assert new.startswith('a\n\n<!-- table: a -->\n')
  assert new.endswith('<!-- end -->\n\nb\n')
  assert 'old' not in new
  assert render.page(new, tmp_path) == new  # and once is enough


def test_rows_and_columns_are_picked_in_order(tmp_path: Path):
  record.write(tmp_path / 'a.json', made())
  text = page(' rows=distilled|random columns=ece|accuracy bare')
  lines = render.page(text, tmp_path).splitlines()
  table = [line for line in lines if line.startswith('|')]
  assert table[0] == f'|  | {title("ece")} | accuracy |'
  assert [line.split(' | ')[0] for line in table[2:]] == [
    '| **distilled**',
    '| random',
  ]
  assert '<small>' not in ''.join(lines)


@pytest.mark.parametrize(
  ('options', 'words'),
  [
    (' rows=nobody', "unknown row 'nobody'"),
    (' columns=acuracy', "did you mean 'accuracy'"),
    (' sorted', 'give rows=A|B'),
  ],
)
def test_what_is_not_there_is_refused(tmp_path: Path, options, words):
  record.write(tmp_path / 'a.json', made())
  with pytest.raises(UserError) as error:
    render.page(page(options), tmp_path)
  assert words in str(error.value)


def test_a_carried_over_table_says_so():
  old = replace(made(), carried_over=True, commit='0123456')
  text = render.caption(old, old.rows)
  assert '**carried over**' in text
  assert 'written down at commit 0123456' in text
  assert 'recorded at commit' in render.caption(made(), made().rows)


@pytest.mark.parametrize(
  'text', ['', '[]', '{"schema": 0}', '{"schema": 1, "rows": []}']
)
def test_no_record(tmp_path: Path, text: str):
  path = tmp_path / 'a.json'
  path.write_text(text)
  with pytest.raises(UserError, match=r'a\.json'):
    record.read(path)


def test_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
  monkeypatch.chdir(tmp_path)
  with pytest.raises(UserError, match='root of a checkout'):
    record.place('mine')
  record.DIRECTORY.mkdir(parents=True)
  assert record.place('mine') == record.DIRECTORY / 'mine.json'
  with pytest.raises(UserError, match='give a name'):
    record.place('a/b')


def git(root: Path, *arguments: str) -> str:
  own = ('-c', 'user.name=a', '-c', 'user.email=a@example.com')
  return subprocess.run(
    ['git', '-C', str(root), *own, *arguments],
    check=True,
    capture_output=True,
    text=True,
  ).stdout.strip()


def test_a_changed_checkout_is_marked(tmp_path: Path):
  assert origin.commit(tmp_path).startswith('version ')
  origin.commit.cache_clear()
  (tmp_path / 'rdd_jax').mkdir()
  file = tmp_path / 'rdd_jax' / 'a.py'
  file.write_text('1')
  git(tmp_path, 'init', '-q')
  git(tmp_path, 'add', '.')
  git(tmp_path, 'commit', '-qm', 'a')
  head = git(tmp_path, 'rev-parse', '--short=7', 'HEAD')
  assert origin.commit(tmp_path) == head
  file.write_text('2')
  assert origin.commit(tmp_path) == head  # that the process began with
  origin.commit.cache_clear()
  assert origin.commit(tmp_path) == f'{head}+'


def test_a_record_is_small_json(tmp_path: Path):
  """A line for each row, so that changes are read."""
  path = tmp_path / 'a.json'
  record.write(path, made())
  text = path.read_text()
  assert [line for line in text.splitlines() if '"name": "random"' in line]
  assert len(text.splitlines()) < 30
  assert json.loads(text)['n'] == 4
