"""What does not enter distillation may change in a work directory."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
import itertools
import json
from pathlib import Path
import re

from end_to_end.run_cases import tiny
import numpy as np
import pytest

from rdd_jax.config.defaults import Config
from rdd_jax.core.errors import UserError
from rdd_jax.experiment import (
  changed,
  earlier,
  loop,
  pipeline,
  program,
  stale,
  workdir,
)
from rdd_jax.experiment.trial import Trial, load_trial

SHORT = {'seeds': 1, 'baselines': ('random',), 'whole__steps': 0}


def run(directory: Path, stop_at: int | None = None, **changes: object):
  config = tiny(**{**SHORT, **changes})
  calls = 0

  def stop() -> bool:
    nonlocal calls
    calls += 1
    return calls == stop_at

  with workdir.claimed(directory, config):
    return pipeline.execute(config, directory, stop=stop)


@pytest.mark.slow
def test_what_changed_is_judged_again(
  tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
  run(tmp_path)
  done = tmp_path / 'evaluations'
  sets = (tmp_path / 'distilled.npz').read_bytes()
  first = {p.name: p.stat().st_mtime_ns for p in done.glob('*')}

  found = run(tmp_path, baselines=('random', 'herding', 'initial'))
  assert list(found['rows']) == ['random', 'herding', 'initial', 'distilled']
  chosen = (done / 'whole.json').stat().st_mtime_ns  # herding was not, before
  for name, time in first.items():  # nothing else of it changed
    assert (done / name).stat().st_mtime_ns == time or 'whole' in name
  assert 'what was distilled is kept' in capsys.readouterr().out

  networks = {
    'baselines': ('random', 'herding', 'initial'),
    'evaluation__seeds': 3,
  }
  found = run(tmp_path, **networks)
  assert {row['accuracy']['n'] for row in found['rows'].values()} == {3}
  assert (done / 'whole.json').stat().st_mtime_ns == chosen
  card = json.loads((tmp_path / 'card.json').read_text())
  assert card['evaluation']['seeds'] == 3

  found = run(tmp_path, shift__clusters=2, log_every=2, checkpoint_every=8)
  assert 'cluster_min' in found['rows']['distilled']
  assert (tmp_path / 'distilled.npz').read_bytes() == sets


@pytest.mark.slow
def test_initial_is_what_it_would_have_been(tmp_path: Path):
  run(tmp_path / 'a')
  run(tmp_path / 'a', baselines=('initial',))
  run(tmp_path / 'b', baselines=('initial',))
  a, b = (tmp_path / d / 'baselines/initial/distilled.npz' for d in 'ab')
  assert a.read_bytes() == b.read_bytes()


def test_a_finished_run_has_nothing_to_do(
  tmp_path: Path,
  capsys: pytest.CaptureFixture[str],
  monkeypatch: pytest.MonkeyPatch,
):
  first = run(tmp_path, seeds=2)
  (table,) = re.findall(r'(?s)%  .*report.html', capsys.readouterr().out)
  files = {p: p.stat().st_mtime_ns for p in tmp_path.rglob('*')}
  with monkeypatch.context() as patch:
    patch.setattr(pipeline, 'load_trial', lambda *_: pytest.fail('loads'))
    assert run(tmp_path, seeds=2, log_every=2) == first
    said = capsys.readouterr().out
    assert f'nothing to do, read from {tmp_path}\n{table}' in said
  files.pop(tmp_path / 'config.json')
  found = {p: p.stat().st_mtime_ns for p in files}
  assert {p for p in files if p.is_file() and found[p] != files[p]} == set()
  (tmp_path / 'seeds' / '1' / 'card.json').unlink()
  assert run(tmp_path, seeds=2, log_every=2) == first
  assert 'nothing to do' not in capsys.readouterr().out
  monkeypatch.setattr(pipeline, 'load_trial', with_other_labels)
  with pytest.raises(UserError, match='the training labels of digits'):
    run(tmp_path, seeds=2, shift__clusters=2)


def with_other_labels(config: Config, directory: Path) -> Trial:
  trial = load_trial(config, directory)
  labels = np.roll(trial.dataset.train_labels, 1)
  dataset = replace(trial.dataset, train_labels=labels)
  return trial._replace(dataset=dataset)


@pytest.mark.slow
@pytest.mark.parametrize('stop_at', [None, 3])
def test_steps_may_grow(tmp_path: Path, stop_at: int | None):
  run(tmp_path / 'whole', steps=20)
  if stop_at:
    with pytest.raises(loop.Stopped):
      run(tmp_path / 'grown', stop_at)
  else:
    run(tmp_path / 'grown')
    twelve = (tmp_path / 'grown' / 'distilled.npz').read_bytes()
  run(tmp_path / 'grown', steps=20)
  for name in ('distilled.npz', 'metrics.jsonl', 'results.json'):
    whole, grown = (tmp_path / d / name for d in ('whole', 'grown'))
    assert whole.read_bytes() == grown.read_bytes(), name
  if not stop_at:
    before = tmp_path / 'grown' / earlier.EARLIER / 'steps-12'
    assert (before / 'distilled.npz').read_bytes() == twelve


def claim(directory: Path, config: Config) -> str:
  with pytest.raises(UserError) as error:
    workdir.claim(directory, config)
  assert '\n' not in str(error.value)
  return str(error.value)


def test_what_enters_distillation_may_not_change(tmp_path: Path):
  workdir.claim(tmp_path, tiny(optimizer__decay=0.5))
  said = claim(tmp_path, tiny(optimizer__decay=0.5, steps=20))
  assert 'optimizer.decay=0.5' in said
  said = claim(tmp_path, tiny(optimizer__decay=0.5, steps=8))
  assert 'steps (was 12, is 8); steps may only grow' in said
  said = claim(tmp_path, tiny(optimizer__decay=0.5, real_rows=4, steps=20))
  assert 'real_rows (was 8, is 4);' in said


@pytest.mark.parametrize('field', ['loss', 'target_scale', 'energy_margin'])
def test_the_loss_may_change_where_none_but_judges_train_by_it(field: str):
  path = f'evaluation.{field}'
  for objective in ('distribution', 'kip', 'frepo', 'rfad', 'rcig'):
    assert free(path, objective)
  for objective in ('gradient', 'trajectory', 'unrolled', 'mine.py:mine'):
    assert not free(path, objective)
  assert not free(path, 'distribution', **{'synthetic.init': 'selected'})


@pytest.mark.parametrize(
  ('field', 'bound', 'other'),
  [
    ('experts.number', 'trajectory', 'gradient'),
    ('experts.epochs', 'recovery', 'distribution'),
    ('kernel.depth', 'kip', 'distribution'),
    ('kernel.ridge', 'mine:mine', 'unrolled'),
  ],
)
def test_what_an_objective_does_not_look_at_may_change(field, bound, other):
  assert not free(field, bound)
  assert free(field, other)


def test_a_teacher_of_what_it_selected_may_not_change():
  for field in ('experts.epochs', 'experts.learning_rate'):
    assert not free(field, 'selection', **{'synthetic.init': 'selected'})


@pytest.mark.parametrize('field', changed.LABELS)
def test_labels_change_where_images_do_not_depend_on_them(field: str):
  kinds = ('hard', 'stored', 'teacher', 'epochs', 'soft', 'free')
  for was, is_now in itertools.product(kinds, kinds):
    found = changed.is_free(field, fields(was), fields(is_now))
    assert found == (not {'soft', 'free'} & {was, is_now})
  assert not free(field, 'mine.py:mine')


def fields(labels: str, objective: str = 'distribution') -> dict[str, str]:
  return {'objective.name': objective, 'synthetic.labels': labels}


def free(field: str, objective: str, **more: str) -> bool:
  now = {**fields('hard', objective), **more}
  return changed.is_free(field, now, now)


def test_how_a_run_is_made_makes_no_result_stale(tmp_path: Path):
  now = fields('hard')
  for field in ('data.stream', 'data.workers', 'devices', 'experts.directory'):
    assert not stale.drops(tmp_path, now, [field])
  for field in ('data.name', 'evaluation.epochs', 'synthetic.labels'):
    assert stale.drops(tmp_path, now, [field])


def test_how_a_run_is_made_may_change():
  for field in ('devices', 'experts.directory', 'experts.parallel'):
    assert free(field, 'trajectory')


@pytest.mark.slow
def test_other_regressions_and_losses_judge_the_set_that_is_there(
  tmp_path: Path,
):
  networks = {'evaluation__networks': ('ntk',)}
  run(tmp_path, **networks)
  sets = (tmp_path / 'distilled.npz').read_bytes()
  done = tmp_path / 'evaluations'
  first = {p.name: p.read_text() for p in done.glob('*.json')}
  run(tmp_path, kernel__ridge=10.0, **networks)
  new = {p.name: p.read_text() for p in done.glob('*.json')}
  assert {name for name in first if new[name] != first[name]} == {
    'random-ntk-0.json',
    'distilled-ntk-0.json',
  }
  card = json.loads((tmp_path / 'card.json').read_text())
  assert card['regression']['ridge'] == 10
  run(tmp_path, kernel__ridge=10.0, evaluation__loss='squared', **networks)
  judged = json.loads((done / 'distilled-matched-0.json').read_text())
  assert judged != json.loads(new['distilled-matched-0.json'])
  assert (tmp_path / 'distilled.npz').read_bytes() == sets


def test_without_checkpoints_nothing_grows(tmp_path: Path):
  workdir.claim(tmp_path, tiny())
  (tmp_path / 'card.json').write_text('{}')
  assert 'holds no checkpoint' in claim(tmp_path, tiny(steps=20))
  assert (tmp_path / 'card.json').exists()


def test_a_failed_command_leaves_no_directory_behind(
  tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
  directory = tmp_path / 'runs' / 'run'

  def fails(wanted: type[BaseException], **changes: object) -> None:
    with pytest.raises(wanted):
      run(directory, None, baselines=('initial',), **changes)

  fails(UserError, shift__clusters=501)
  fails(UserError, data__name='npz:nowhere.npz')
  fails(UserError, synthetic__init=str(tmp_path / 'nowhere'))
  assert not list(tmp_path.iterdir())
  for place, error in (
    ('compile_call', MemoryError),
    ('make_call', KeyboardInterrupt),
  ):
    with monkeypatch.context() as patch:
      patch.setattr(program, place, partial(raises, error))
      fails(error)
    assert not list(tmp_path.iterdir())

  fails(UserError, optimizer__learning_rate=1e30)  # at once
  assert not list(tmp_path.iterdir())


def raises(error: type[BaseException], *_: object, **__: object) -> None:
  raise error


def test_what_was_there_before_stays(tmp_path: Path):
  (tmp_path / 'empty').mkdir()
  (tmp_path / 'notes.txt').write_text('mine')
  with pytest.raises(UserError):
    run(tmp_path, data__name='npz:nowhere.npz')
  assert {p.name for p in tmp_path.iterdir()} >= {'empty', 'notes.txt'}
  (tmp_path / 'notes.txt').unlink()
  (tmp_path / 'config.json').unlink()
  with pytest.raises(UserError):
    run(tmp_path, data__name='npz:nowhere.npz')
  assert [p.name for p in tmp_path.iterdir()] == ['empty']
