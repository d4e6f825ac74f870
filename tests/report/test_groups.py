"""What a run writes of the groups that it found."""

from __future__ import annotations

import csv
from dataclasses import replace
from html import escape
import json
from pathlib import Path

import jax
import numpy as np
import pytest

from rdd_jax import data
from rdd_jax.report import groups as report_groups
from rdd_jax.report import write_report
from rdd_jax.robust.groups.discover import GroupsState

KEY = jax.random.key(0)


@pytest.fixture(scope='module')
def dataset() -> data.Dataset:
  plain = data.mock((8, 8, 1), num_classes=3, n=300)
  return data.rarefy(plain, 'line-0.2', KEY)


def state(groups: np.ndarray) -> GroupsState:
  n = len(groups)
  separation = np.array([4.0, np.nan, 1.0])
  return GroupsState(
    (), np.ones([]), np.ones(n), groups, np.ones(n), separation
  )


def test_what_is_set_apart_is_compared_with_the_rare_rows(dataset):
  rare, labels = dataset.train_rare, dataset.train_labels
  assert rare is not None
  groups = np.where(labels == 1, -1, rare.astype(int))
  rows = report_groups.summary(dataset, state(groups))
  own = labels == 0
  assert rows[0]['share'] == pytest.approx(rare[own].mean())
  assert (rows[0]['precision'], rows[0]['recall']) == (1, 1)
  assert rows[0]['separation'] == 4
  assert (rows[1]['share'], rows[1]['recall']) == (0, 0)
  assert rows[1]['precision'] is None
  assert rows[1]['separation'] is None


def test_without_known_rare_rows_only_shares_are_written():
  plain = data.mock((8, 8, 1), num_classes=3, n=30)
  rows = report_groups.summary(plain, state(np.arange(30) % 2))
  assert [set(row) for row in rows] == [{'rows', 'share', 'separation'}] * 3


def test_set_apart_by_brute_force():
  rng = np.random.default_rng(0)
  labels, groups = rng.integers(0, 3, 90), rng.integers(-1, 4, 90)
  found = report_groups.apart(groups, labels, 4)
  for c in range(3):
    sizes = {g: ((labels == c) & (groups == g)).sum() for g in range(4)}
    largest = max(sizes, key=lambda g: sizes[g])
    own = groups[labels == c]
    np.testing.assert_array_equal(
      found[labels == c], (own >= 0) & (own != largest)
    )


def test_files_and_page(dataset, tmp_path: Path):
  assert dataset.train_rare is not None
  chain = {'groups': state(dataset.train_rare.astype(int)), 'balance': ()}
  files = np.array([f'<{i}>.png' for i in range(len(dataset.train_labels))])
  dataset = replace(dataset, train_names=files)
  report_groups.write(tmp_path, dataset, chain)
  table = json.loads((tmp_path / 'groups.json').read_text())
  assert len(table) == dataset.num_classes
  stored = np.load(tmp_path / 'groups.npz')
  np.testing.assert_array_equal(stored['group'], dataset.train_rare)
  np.testing.assert_array_equal(stored['given'], dataset.train_labels)
  assert (tmp_path / 'groups.png').exists()
  shown = {name for row in table for name in row['shown']}
  assert 0 < len(shown) <= 30
  assert shown <= set(files[dataset.train_rare])
  with (tmp_path / 'groups.csv').open() as file:
    rows = list(csv.DictReader(file))
  assert [row['file'] for row in rows] == files.tolist()
  assert [row['group'] == '1' for row in rows] == dataset.train_rare.tolist()
  card = {'class_names': ['<a>', 'b', 'c']}
  (tmp_path / 'card.json').write_text(json.dumps(card))
  page = write_report(tmp_path, title='t', command='c').read_text()
  assert 'Groups' in page
  assert '&lt;a&gt;' in page
  assert all(escape(name) in page for name in shown)
  assert not any(name in page for name in shown)


def test_chains_without_finders_write_nothing(dataset, tmp_path: Path):
  report_groups.write(tmp_path, dataset, {'trust': (), 'x': np.ones(3)})
  assert not list(tmp_path.iterdir())
