"""Runs side by side: numbers are those of evaluations, and names tell apart."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
from pathlib import Path
import shutil
import zlib

from absl.testing import flagsaver
from artifact.set_cases import distilled
from helpers import Tags
import numpy as np
import pytest

from rdd_jax.artifact import store
from rdd_jax.compare import __main__
from rdd_jax.compare.paired import csv_rows, methods, paired, table
from rdd_jax.compare.runs import Finished, apart, differing, names, read
from rdd_jax.config.presets import digits
from rdd_jax.core.errors import UserError
from rdd_jax.evaluation.metrics import pool, summary
from rdd_jax.experiment import workdir

METRICS = ('accuracy', 'ece', 'auroc', 'class_0')


def make(
  directory: Path,
  arg: str,
  *,
  metrics: tuple[str, ...] = METRICS,
  shared: bool = True,
) -> Path:
  """A finished run of made-up numbers, as `pipeline` writes it."""
  config = digits.dm(arg)
  workdir.claim(directory, config)
  rows = {}
  for arm in ('random', 'distilled'):
    own = 'all' if shared and arm == 'random' else f'{directory.name}{arm}'
    rng = np.random.default_rng(zlib.crc32(own.encode()))
    seeds = []
    for seed in range(config.seeds):
      row = {m: summary(rng.random(2)) for m in metrics}
      path = directory / 'evaluations' / f'{arm}-matched-{seed}.json'
      path.parent.mkdir(exist_ok=True)
      path.write_text(json.dumps(row))
      seeds.append(row)
    rows[arm] = pool(seeds)
  (directory / 'results.json').write_text(json.dumps({'rows': rows}))
  cost = {'seconds': {'judging': 3.0}, 'total': 7.5, 'memory': {}}
  (directory / 'cost.json').write_text(json.dumps(cost))
  for name in workdir.OUTPUTS:
    if not (directory / name).exists():
      (directory / name).write_bytes(b'made up')
  return directory


def gather(*directories: Path) -> list[Finished]:
  runs, notes = __main__.gather(directories)
  assert not notes
  return runs


def evaluations(directory: Path, seed: int, metric: str) -> list[float]:
  path = directory / 'evaluations' / f'distilled-matched-{seed}.json'
  return json.loads(path.read_text())[metric]['values']


def test_numbers_are_those_of_the_evaluations(tmp_path: Path):
  a, b = (make(tmp_path / n, arg) for n, arg in (('a', ''), ('b', 'ipc=2')))
  runs = gather(a, b)
  found = list(csv.DictReader(io.StringIO(__main__.to_csv(runs))))
  assert [row['arm'] for row in found] == ['distilled', 'distilled', 'random']
  for row, directory in zip(found, (a, b), strict=False):
    assert row['directory'] == str(directory)
    for metric in METRICS:
      values = [v for s in range(3) for v in evaluations(directory, s, metric)]
      assert float(row[metric]) == pytest.approx(np.mean(values))
      assert float(row[f'{metric}_std']) == pytest.approx(
        np.std(values, ddof=1)
      )
      assert int(row['n']) == len(values)
  (difference,) = paired(runs).values()
  for metric in METRICS:
    each = [
      np.mean(evaluations(b, s, metric)) - np.mean(evaluations(a, s, metric))
      for s in range(3)
    ]
    wanted = (np.mean(each), min(each), max(each), 3)
    assert difference[metric] == pytest.approx(wanted)


def test_only_seeds_of_both_are_paired(tmp_path: Path):
  args = ('', 'seed=1', 'ipc=2,seed=1', 'ipc=3,seed=5', 'ipc=2,seeds=2')
  runs = gather(*(make(tmp_path / f'r{i}', a) for i, a in enumerate(args)))
  first, two, three = methods(runs).values()
  assert [len(group) for group in (first, two, three)] == [2, 2, 1]
  (found,) = paired(runs).values()  # the one with seed 5 shares none
  each = [
    np.mean(evaluations(two[i].directory, s, 'ece'))
    - np.mean(evaluations(first[j].directory, s, 'ece'))
    for i, j, n in ((0, 1, 3), (1, 0, 2))
    for s in range(n)
  ]
  assert found['ece'].n == 5
  assert found['ece'].mean == pytest.approx(np.mean(each))


def test_a_baseline_stands_once_where_it_is_the_same(tmp_path: Path):
  same = gather(make(tmp_path / 'a', ''), make(tmp_path / 'b', 'ipc=2'))
  assert list(table(same)) == ['a', 'b', 'random']
  other = make(tmp_path / 'c', 'ipc=3', shared=False)
  rows = table([*same, *gather(other)])
  assert list(rows) == ['a', 'b', 'c', 'random of a, b', 'random of c']
  assert rows['random of c'] == ('random', gather(other)[0].rows['random'])


def test_metrics_that_any_run_has_are_columns(tmp_path: Path):
  a = make(tmp_path / 'a', '', metrics=('accuracy', 'worst_class'))
  b = make(tmp_path / 'b', 'ipc=2', metrics=('accuracy', 'auroc'))
  head, first, second, *_ = __main__.text(gather(a, b)).splitlines()
  assert head.split() == ['%', 'accuracy', 'worst', 'class', 'AUROC']
  assert first.split()[-1] == '-'
  assert second.rstrip()[-1] != '-'
  rows = csv_rows(gather(a, b))
  assert 'auroc' not in rows[0]
  assert 'worst_class' not in rows[1]


def test_runs_of_other_labels_are_said_to_be(tmp_path: Path):
  a, b = (make(tmp_path / n, arg) for n, arg in (('a', ''), ('b', 'ipc=2')))
  assert 'labels differ' not in __main__.text(gather(a, b))
  config = json.loads((b / 'config.json').read_text())
  config['synthetic']['labels'] = 'teacher'
  (b / 'config.json').write_text(json.dumps(config))
  said = __main__.text(gather(a, b))
  (line,) = (x for x in said.splitlines() if x.startswith('labels differ'))
  first, second = names(gather(a, b))
  assert line.endswith(f"{first}: hard; {second}: a teacher's")


def test_an_unfinished_run_is_named_and_left_out(tmp_path: Path):
  a, b = make(tmp_path / 'a', ''), make(tmp_path / 'b', 'ipc=2')
  (b / 'results.json').unlink()
  (b / 'report.html').unlink()
  assert read(b) == ['results.json', 'report.html']
  runs, (note,) = __main__.gather([a, b])
  assert [run.directory for run in runs] == [a]
  assert str(b) in note
  assert 'results.json, report.html' in note
  assert str(b) in __main__.to_html(runs, [note])
  with pytest.raises(UserError, match=r'no results\.json'):
    __main__.gather([b])


def test_what_is_no_run_is_said(tmp_path: Path):
  with pytest.raises(UserError, match='no run'):
    __main__.gather([tmp_path])
  with pytest.raises(UserError, match='nowhere is not there'):
    __main__.gather([make(tmp_path / 'a', ''), tmp_path / 'nowhere'])
  with pytest.raises(UserError, match='give the work directories'):
    __main__.gather([])
  broken = make(tmp_path / 'broken', '')
  (broken / 'results.json').write_text('{"ro')
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(Path, 'read_bytes', closed)
    with pytest.raises(UserError, match=r'json cannot be read \(no\)'):
      __main__.gather([broken])
  with pytest.raises(UserError, match=r'results\.json is damaged'):
    __main__.gather([broken])


def test_a_sweep_is_compared_by_all_that_lies_in_it(tmp_path: Path):
  """As `compare OUT/*` has it: what runs share, logs, scripts."""
  runs = [make(tmp_path / name, '') for name in ('b', 'c')]
  beside = [tmp_path / name for name in ('baselines', 'logs', 'sweep.sh')]
  for path in beside:
    path.write_text('') if path.suffix else path.mkdir()
  found, notes = __main__.gather(sorted([*runs, *beside]))
  assert [run.directory for run in found] == runs
  for path, note in zip(beside, notes, strict=True):
    assert note.startswith(f'{path} is no run, and left out')
  alone, none = __main__.gather(runs)
  assert __main__.to_csv(found) == __main__.to_csv(alone)
  assert none == []


def test_what_differs_is_what_was_changed(tmp_path: Path):
  runs = gather(
    make(tmp_path / 'a', 'ipc=2,seed=3'), make(tmp_path / 'b', 'ipc=5,seed=3')
  )
  assert differing(runs) == {'synthetic.ipc': [2, 5]}
  assert names(runs) == ['a', 'b']


@pytest.mark.parametrize(
  ('args', 'wanted'),
  [
    (['', 'ipc=2'], ['ipc=1', 'ipc=2']),
    (
      ['', 'seed=1', 'ipc=2', 'seed=1,ipc=2'],
      ['seed=0 ipc=1', 'seed=1 ipc=1', 'seed=0 ipc=2', 'seed=1 ipc=2'],
    ),
  ],
)
def test_names_are_the_fields_that_tell_apart(
  tmp_path: Path, args: list[str], wanted: list[str]
):
  runs = [
    make(tmp_path / f'a_directory_of_a_long_name_{i}', arg)
    for i, arg in enumerate(args)
  ]
  assert names(gather(*runs)) == wanted


def test_a_hash_is_the_last_choice(tmp_path: Path):
  a, b = (
    make(tmp_path / 'q-0a1b2c3d', ''),
    make(tmp_path / 'q-deadbeef', 'ipc=2,seed=7'),
  )
  assert names(gather(a, b)) == ['ipc=1', 'ipc=2']


def test_the_same_config_twice_is_named_by_directory(tmp_path: Path):
  a = make(tmp_path / 'one' / 'run', '')
  b = tmp_path / 'two' / 'run'
  b.parent.mkdir()
  shutil.copytree(a, b)
  assert names(gather(a, b)) == ['one', 'two']


@pytest.mark.parametrize(
  ('paths', 'wanted'),
  [
    (['r/x', 'r/y'], ['x', 'y']),
    (['r/x-s=0-z', 'r/x-s=1-z'], ['s=0', 's=1']),
    (['r/x', 'r/x-smoke'], ['x', 'x-smoke']),
    (['r/x', 'q/x/x'], ['r', 'q/x']),
  ],
)
def test_what_all_paths_share_is_left_out(paths: list[str], wanted: list[str]):
  found = apart(paths)
  assert found == wanted
  assert len(set(found)) == len(found)


def test_the_page_stands_alone(tmp_path: Path):
  runs = gather(make(tmp_path / '<a>', ''), make(tmp_path / 'b', 'ipc=2'))
  for run in runs:
    store.save(run.directory, distilled())
  page = __main__.to_html(runs)
  tags = Tags()
  tags.feed(page)
  assert not tags.open
  assert all(link.startswith('#') for link in tags.links)
  pictures = [s for s in tags.sources if s.startswith('data:image/png')]
  assert len(pictures) == len(tags.sources) == 2 * 12
  assert '<a>' not in page
  for words in ('synthetic.ipc', 'seed by seed', '7.5', 'random'):
    assert words in page
  assert page.count('<caption>') == page.count('<table') == 6


def closed(path: Path) -> bytes:
  raise PermissionError(errno.EACCES, 'no', str(path))


@pytest.mark.parametrize('flag', ['html', 'csv'])
def test_a_page_that_cannot_be_written_is_refused_before_runs_are_read(
  tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flag: str
):
  monkeypatch.setattr(os, 'access', lambda *_: False)
  holder = getattr(__main__, f'_{flag.upper()}')
  with (
    flagsaver.flagsaver((holder, str(tmp_path / 'page'))),
    pytest.raises(UserError, match=f'--{flag}=.* cannot be written to'),
  ):
    __main__.main(['compare', 'nothing'])
