"""Pages are what their records render, and a record says all that it must."""

from __future__ import annotations

import json
import re

from helpers import ROOT
import pytest
from readme import pages

from rdd_jax.records import DIRECTORY, read
from rdd_jax.records.__main__ import listing, outdated
from rdd_jax.records.render import MARK
from rdd_jax.records.storage import HARD, LEARNED, SOFT, TEACHER, VIEWS

DATA = sorted((ROOT / DIRECTORY).glob('*.json'))


def test_pages_equal_their_render():
  """If this fails: python -m rdd_jax.records."""
  assert list(outdated(ROOT)) == []


def test_every_record_is_shown_and_every_table_of_results_is_one():
  named = set()
  for page in pages():
    text = page.read_text()
    named |= {match['name'] for match in MARK.finditer(text)}
    if 'results' in page.parts and page.name != 'index.md':
      assert not re.search(r'(?m)^\|', MARK.sub('', text)), page
      assert 'Which baseline beats us' in text.partition('\n## ')[0], page
  assert named == {path.stem for path in DATA}


@pytest.mark.parametrize('path', DATA, ids=lambda path: path.stem)
def test_a_record_says_what_it_is_of(path):
  record = read(path)
  assert record.rows
  assert record.seeds
  assert record.machine
  assert re.fullmatch(r'[0-9a-f]{7}\+?', record.commit)
  assert re.fullmatch(r'\d{4}-\d\d-\d\d', record.date)
  names = [row.name for row in record.rows]
  assert len(set(names)) == len(names)
  for row in record.rows:
    assert set(row.cells) <= set(record.columns)
  for one in record.storage:
    assert one.labels in (HARD, SOFT, LEARNED, TEACHER, VIEWS)
    classes = round(8 * one.bytes / one.bits_per_class)
    assert 8 * one.bytes == pytest.approx(classes * one.bits_per_class)
  if 'accuracy' in record.columns:
    assert record.storage
  assert record.carried_over or record.commands
  # Small enough to be read and committed.
  assert path.stat().st_size < 40_000
  assert json.loads(path.read_text())['schema'] == record.schema


def test_the_list_has_every_record_once():
  *lines, total = listing(ROOT / DIRECTORY).splitlines()
  assert sorted(line.split()[0] for line in lines) == [p.stem for p in DATA]
  old = [line.endswith('carried over') for line in lines]
  assert old == sorted(old)
  assert total == f'{old.count(False)} recorded, {sum(old)} carried over'
