"""All runs in one table, without a directory being named."""

from __future__ import annotations

from pathlib import Path

from absl.testing import flagsaver
from compare.test_compare import closed, make
from end_to_end.run_cases import tiny
import pytest

from rdd_jax.compare import __main__
from rdd_jax.compare.listing import find, listing, look
from rdd_jax.core.errors import UserError
from rdd_jax.experiment import loop, pipeline, workdir


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
  """An empty directory, in the one that commands are started from."""
  monkeypatch.chdir(tmp_path)
  (tmp_path / 'runs').mkdir()
  return Path('runs')


def table(capsys: pytest.CaptureFixture[str]) -> list[list[str]]:
  __main__.main(['compare'])
  return [line.split() for line in capsys.readouterr().out.splitlines()]


def test_every_run_has_a_line(runs: Path, capsys: pytest.CaptureFixture[str]):
  make(runs / 'a', 'ipc=2')
  make(runs / 'sweep' / 'b', 'ipc=2,seed=3,noise=pair-0.2')
  workdir.claim(runs / 'c', tiny(seeds=1))
  (runs / 'experts' / 'deadbeef').mkdir(parents=True)
  make(runs / 'a' / 'variants' / 'plain', '')
  head, a, c, b = table(capsys)
  assert head == ['name', 'method', 'ipc', 'accuracy', 'state', *head[5:]]
  accuracy = look(runs / 'a').accuracy
  assert accuracy is not None
  assert a[:4] == ['a', 'dm_digits', '2', f'{100 * accuracy["mean"]:.1f}']
  assert 'finished' in a
  assert c[:5] == ['c', 'dm_digits', '1', '-', 'begun']
  assert b[0] == 'sweep/b'
  assert {'seed=3', 'seeds=3'} <= set(b)
  assert 'seed=0' in a
  assert 'seeds=1' in c
  assert b[-3] == 'and'  # more fields


def test_what_is_alike_in_all_is_left_out(runs: Path):
  make(runs / 'a', 'ipc=2')
  make(runs / 'b', 'ipc=3,noise=pair-0.2')
  _, a, b = listing([look(d) for d in find()]).splitlines()
  assert a.endswith('data.noise=none')
  assert b.endswith('data.noise=pair-0.2')


def test_how_far_it_is(runs: Path, stop_after):
  directory = runs / 'run'
  config = tiny(seeds=2, baselines=(), whole__steps=0)
  workdir.claim(directory, config)
  assert look(directory).state == 'begun'
  with pytest.raises(loop.Stopped):
    pipeline.execute(config, directory, stop=stop_after(2))
  assert look(directory).state == 'step 2 of 12, seed 1 of 2'
  for place in (directory, directory / 'seeds' / '1'):
    place.mkdir(parents=True, exist_ok=True)
    (place / 'card.json').write_text('{}')
  assert look(directory).state == 'distilled, to be judged'
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(Path, 'read_text', closed)
    assert look(directory).state == 'not to be read'
  (directory / 'config.json').write_text('{')
  assert look(directory).state.startswith('damaged')
  assert 'damaged' in listing([look(directory)])


def test_without_runs_it_says_what_to_type(runs: Path):
  with pytest.raises(UserError, match=r'no run in runs: .*quickstart\.py'):
    __main__.main(['compare'])


def test_the_page_is_of_all_that_are_finished(runs: Path):
  make(runs / 'a', 'ipc=2')
  workdir.claim(runs / 'c', tiny())
  with flagsaver.flagsaver(html='all.html'):
    __main__.main(['compare'])
  assert 'runs/a' in Path('all.html').read_text()
