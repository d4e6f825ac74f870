"""A second run trains only what it does not find beside its directory."""

from __future__ import annotations

from collections.abc import Callable
import contextlib
from pathlib import Path
import shutil
from typing import Any

from end_to_end.run_cases import tiny
import numpy as np
import pytest

import rdd_jax
from rdd_jax.experiment import baselines, evaluations, kept, pipeline, whole
from rdd_jax.experiment.trial import load_trial

SHORT = {
  'seeds': 1,
  'baselines': ('random', 'herding'),
  'evaluation__seeds': 1,
  'outside__sets': ('gaussian',),
  'outside__rows': 20,
}
WHOLE = 'the network on the whole training set'


def run(directory: Path, **changes: object) -> dict[str, bytes]:
  """Runs it; its numbers, curves and sets by their path."""
  pipeline.execute(tiny(**{**SHORT, **changes}), directory)
  return {
    p.relative_to(directory).as_posix(): p.read_bytes()
    for pattern in ('*.npz', '*.png', '*.json', '*/*.json', '*/*/*.npz')
    for p in directory.glob(pattern)
    if p.name not in ('cost.json', 'metrics.jsonl')
  }


def read(capsys: pytest.CaptureFixture[str]) -> list[str]:
  """What was said to be read, of each line that says so."""
  lines = capsys.readouterr().out.splitlines()
  return [line for line in lines if ': read from ' in line]


@pytest.mark.slow
def test_only_what_changed_is_trained(
  tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
  shared = tmp_path / 'a' / kept.DIRECTORY
  run(tmp_path / 'a' / 'one')
  assert not read(capsys)

  again = run(tmp_path / 'a' / 'steps', steps=8)
  assert read(capsys) == [f'{WHOLE}, random, herding: read from {shared}']
  fresh = run(tmp_path / 'b' / 'steps', steps=8)
  assert not read(capsys)
  assert again == fresh
  assert 'curves/random.json' in fresh

  run(tmp_path / 'a' / 'ipc', synthetic__ipc=2, outside__sets=())
  assert read(capsys) == [f'{WHOLE}: read from {shared}']


class Named(kept.Kept):
  """Notes where things would be, and makes none of them."""

  def values(self, what: str, made_of: Any, arrays: Any, compute: Any) -> Any:
    self.read[self._path(made_of, arrays, 'json').name] = None
    return {'row': {}, 'curves': {}, 'reliability': {}}

  def tree(
    self, what: str, made_of: Any, arrays: Any, compute: Any, like: Any
  ) -> Any:
    self.read[self._path(made_of, arrays, 'npz').name] = None
    raise StopIteration


def digests(directory: Path, **changes: object) -> list[str]:
  """Names of the full-data network and of random rows' evaluation."""
  trial = load_trial(tiny(**{**SHORT, **changes}), directory)
  found = trial._replace(kept=Named(directory))
  with contextlib.suppress(StopIteration):
    whole.whole(found)
  evaluations.judge(
    found, 'random', 0, lambda: baselines.baseline(found, 'random', 0)
  )
  shutil.rmtree(directory / 'evaluations')
  assert found.kept is not None
  return list(found.kept.read)


def test_all_that_changes_numbers_makes_other_files(tmp_path: Path):
  network, judged = digests(tmp_path)
  assert digests(tmp_path, steps=6, objective__matched_rows=4, log_every=2) == [
    network,
    judged,
  ]
  for field, value in (
    ('synthetic__ipc', 2),
    ('evaluation__epochs', 3),
    ('evaluation__augment', 'flip'),
    ('evaluation__seeds', 2),
    ('evaluation__loss', 'squared'),
    ('outside__rows', 10),
    ('student', {'outliers': {'factory': 'expose_outliers'}}),
  ):
    first, second = digests(tmp_path, **{field: value})
    assert first == network, field
    assert second != judged, field
  for field, value in (
    ('seed', 1),
    ('network__width', 3),
    ('data__noise', 'symmetric-0.2'),
    ('data__mean', (0.5,)),
    ('precision', 'bfloat16'),
    ('deterministic', True),
    ('synthetic__reject', True),
  ):
    more = {'data__std': (0.5,)} if field == 'data__mean' else {}
    first, second = digests(tmp_path, **{field: value}, **more)
    assert network != first, field
    assert judged != second, field
  first, second = digests(tmp_path, whole__steps=6)
  assert first != network
  assert second == judged  # random rows are not chosen by it


@pytest.mark.slow
def test_what_is_damaged_is_made_again(
  tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
  before = run(tmp_path / 'one')
  files = sorted((tmp_path / kept.DIRECTORY).iterdir())
  assert len(files) == 3  # a network, and two evaluations
  for file in files:
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
  assert run(tmp_path / 'two') == before
  assert capsys.readouterr().out.count('is damaged') == 3
  assert run(tmp_path / 'three') == before
  assert 'is damaged' not in capsys.readouterr().out


def test_a_changed_number_is_noticed(
  tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
  found = kept.Kept(tmp_path)
  assert found.values('it', {}, (), lambda: 0.25) == 0.25
  (file,) = tmp_path.iterdir()
  file.write_text(file.read_text().replace('0.25', '0.75'))
  assert found.values('it', {}, (), lambda: 0.25) == 0.25
  assert f'{file} is damaged: it is made again' in capsys.readouterr().out
  assert found.values('it', {}, (), lambda: pytest.fail('was there')) == 0.25


def test_two_may_write_at_once(tmp_path: Path):
  one, other = kept.Kept(tmp_path), kept.Kept(tmp_path)

  def first(run: kept.Kept, compute: Callable[[], int]) -> int:
    return run.values('it', {}, (), compute)

  assert first(one, lambda: first(other, lambda: 1)) == 1
  assert len(list(tmp_path.iterdir())) == 1
  assert first(kept.Kept(tmp_path), lambda: pytest.fail('was there')) == 1
  assert not other.read  # it is its own


def test_a_directory_that_cannot_be_is_no_reason_to_stop(
  tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
  (tmp_path / 'file').write_text('')
  found = kept.Kept(tmp_path / 'file')
  assert found.values('it', {}, (), lambda: 1) == 1
  assert 'it is not kept for other runs' in capsys.readouterr().out


def test_a_run_starts_from_the_set_of_another(tmp_path: Path):
  short = {'outside__sets': (), 'baselines': ('initial',), 'whole__steps': 0}
  run(tmp_path / 'one', **short)
  init = str(tmp_path / 'one')
  run(tmp_path / 'two', synthetic__init=init, steps=2, **short)
  first = rdd_jax.load(tmp_path / 'one')
  begun = rdd_jax.load(tmp_path / 'two' / 'baselines' / 'initial')
  np.testing.assert_allclose(begun.images, first.images, atol=1e-5)
  assert begun.card['init']['path'] == init
  second = rdd_jax.load(tmp_path / 'two')
  assert not np.allclose(second.images, first.images, atol=1e-5)
