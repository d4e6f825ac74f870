"""A run resumes exactly, stops cleanly, and never loses finished work."""

from __future__ import annotations

import json
from pathlib import Path
import shutil

from end_to_end.run_cases import OUTPUTS, tiny
import numpy as np
import pytest

import rdd_jax
from rdd_jax import evaluate
from rdd_jax.core.errors import UserError
from rdd_jax.experiment import (
  baselines,
  loop,
  of_card,
  pipeline,
  program,
)
from rdd_jax.experiment import trial as experiment_trial
from rdd_jax.experiment import trial as trials


@pytest.fixture(scope='module')
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
  directory = tmp_path_factory.mktemp('whole')
  pipeline.execute(tiny(), directory)
  return directory


def assert_same_outputs(a: Path, b: Path) -> None:
  for seed in (0, 1):
    x, y = (trials.seed_directory(d, seed) for d in (a, b))
    for name in OUTPUTS:
      if (x / name).exists():
        assert (x / name).read_bytes() == (y / name).read_bytes(), (seed, name)


@pytest.mark.parametrize(
  'calls', [3, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 8))]
)
def test_resumed_equals_uninterrupted(
  whole_run: Path, tmp_path: Path, calls: int, stop_after
):
  with pytest.raises(loop.Stopped):
    pipeline.execute(tiny(), tmp_path, stop=stop_after(calls))
  pipeline.execute(tiny(), tmp_path)
  assert_same_outputs(whole_run, tmp_path)


def test_a_run_says_what_it_took(whole_run: Path):
  took = json.loads((whole_run / 'cost.json').read_text())
  seconds = took['seconds']
  assert seconds.pop('experts') == 0  # it has none
  assert all(s > 0 for s in seconds.values())
  assert took['total'] == pytest.approx(sum(seconds.values()), abs=0.01)
  assert took['parts'] == 1
  before = (whole_run / 'cost.json').read_bytes()
  pipeline.execute(tiny(), whole_run)  # finished: it takes nothing more
  assert (whole_run / 'cost.json').read_bytes() == before


def test_torn_newest_checkpoint(whole_run: Path, tmp_path: Path, stop_after):
  with pytest.raises(loop.Stopped):
    pipeline.execute(tiny(), tmp_path, stop=stop_after(6))
  steps = sorted(
    (tmp_path / 'checkpoints').iterdir(), key=lambda path: int(path.name)
  )
  assert [path.name for path in steps] == ['8', '10']
  for file in steps[-1].rglob('*'):
    if file.is_file() and file.stat().st_size > 100:
      file.write_bytes(file.read_bytes()[:50])
  pipeline.execute(tiny(), tmp_path)
  assert_same_outputs(whole_run, tmp_path)


def test_finished_work_is_kept(whole_run: Path, tmp_path: Path):
  shutil.copytree(whole_run, tmp_path, dirs_exist_ok=True)
  (tmp_path / 'results.json').unlink()
  before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob('evaluations/*')}
  pipeline.execute(tiny(), tmp_path)
  assert before == {
    p: p.stat().st_mtime_ns for p in tmp_path.rglob('evaluations/*')
  }
  assert_same_outputs(whole_run, tmp_path)


def test_a_set_of_other_outputs_is_refused(whole_run: Path, tmp_path: Path):
  shutil.copytree(whole_run, tmp_path, dirs_exist_ok=True)
  trial = experiment_trial.load_trial(tiny(), tmp_path)
  baselines.stored(trial, 0)
  spec = trial.experiment.spec._replace(num_outputs=11)
  other = trial._replace(experiment=trial.experiment._replace(spec=spec))
  with pytest.raises(UserError, match=r'networks of 10 outputs, and .* has 11'):
    baselines.stored(other, 0)


def test_outputs(whole_run: Path):
  results = json.loads((whole_run / 'results.json').read_text())
  assert list(results['rows']) == [
    'random',
    'herding',
    'k_center',
    'distilled',
    'whole',
  ]
  accuracy = results['rows']['distilled']['accuracy']
  assert accuracy['n'] == 4
  assert accuracy['mean'] == pytest.approx(np.mean(accuracy['values']))
  steps = [
    json.loads(line)['step']
    for line in (whole_run / 'metrics.jsonl').read_text().splitlines()
  ]
  assert steps == list(range(1, 13))
  assert (whole_run / 'report.html').stat().st_size > 1000
  found = rdd_jax.load(whole_run)
  assert found.images.shape == (10, 8, 8, 1)
  assert found.card['numbers']['accuracy']['n'] == 4
  row = results['rows']['distilled']
  for path, seed in ((whole_run, 0), (whole_run / 'seeds' / '1', 1)):
    own = rdd_jax.load(path).card['calibration']
    assert row['temperature']['values'][seed] == own['temperature']
    assert own['labels'] == 'as given'
  diagrams = json.loads(
    (whole_run / 'reliability' / 'distilled.json').read_text()
  )
  for when, metric in (('before', 'ece'), ('after', 'ece_calibrated')):
    share, sure, right = diagrams[when].values()
    error = np.dot(share, np.abs(np.subtract(right, sure)))
    assert row[metric]['values'][0] == pytest.approx(error)
  herding = rdd_jax.load(whole_run / 'baselines' / 'herding')
  assert herding.images.shape == found.images.shape
  other = rdd_jax.load(whole_run / 'seeds' / '1')
  assert not np.array_equal(found.images, other.images)


def test_a_set_is_evaluated_by_the_networks_of_its_run(whole_run: Path):
  found = rdd_jax.load(whole_run)
  rows = evaluate.rows(found, of_card.load(found.card), [], seeds=2)
  for metric, ours in rows['convnet'].items():
    theirs = found.card['numbers'][metric]['values']  # of two seeds
    assert ours['values'] == theirs[: ours['n']], metric
  assert 'ece_calibrated' in rows['convnet']


def test_compiles_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
  compiled = []
  original = program.compile_call

  def count(*args: object) -> program.Compiled:
    compiled.append(1)
    return original(*args)  # type: ignore[arg-type]

  monkeypatch.setattr(program, 'compile_call', count)
  pipeline.execute(tiny(baselines=('random',)), tmp_path)
  assert len(compiled) == 1


@pytest.mark.parametrize('most', [1, 3])
def test_the_last_call_is_whole_however_steps_are_parted(
  tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
):
  monkeypatch.setattr(loop, '_within', lambda *_: most)
  config = tiny(steps=4, steps_per_call=3, seeds=1, baselines=('random',))
  pipeline.execute(config, tmp_path)
  lines = (tmp_path / 'metrics.jsonl').read_text().splitlines()
  assert [json.loads(line)['step'] for line in lines] == [1, 2, 3, 4, 5, 6]


def test_nan_names_the_step_and_keeps_the_checkpoint(
  tmp_path: Path, stop_after
):
  pipeline_steps = tiny(steps=4, seeds=1)
  with pytest.raises(loop.Stopped):
    pipeline.execute(pipeline_steps, tmp_path, stop=stop_after(2))
  (tmp_path / 'config.json').unlink()  # which would refuse the next line
  broken = tiny(seeds=1, optimizer__learning_rate=1e30)
  with pytest.raises(UserError, match=r'loss is (nan|inf) at step [34]') as e:
    pipeline.execute(broken, tmp_path)
  assert 'checkpoint of step 2' in str(e.value)
  assert (tmp_path / 'checkpoints' / '2').exists()


def test_ipc_above_the_class_size(tmp_path: Path):
  with pytest.raises(UserError, match='lower ipc, or give more rows'):
    pipeline.execute(tiny(synthetic__ipc=200), tmp_path)
