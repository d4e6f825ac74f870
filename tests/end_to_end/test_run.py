"""A run resumes exactly, stops cleanly, and never loses finished work."""

from __future__ import annotations

from dataclasses import replace
import json
from pathlib import Path
import shutil

import jax.numpy as jnp
import numpy as np
import pytest

import rdd_jax
from rdd_jax import data, evaluate
from rdd_jax.config.build import transforms
from rdd_jax.config.build.context import Factory
from rdd_jax.config.build.objectives import namespace
from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import digits as presets_digits
from rdd_jax.core.errors import UserError
from rdd_jax.core.transform import Transform, from_prepare
from rdd_jax.experiment import baselines, judge, loop, pipeline, program
from rdd_jax.experiment import trial as experiment_trial
from rdd_jax.experiment import trial as trials

OUTPUTS = ('distilled.npz', 'metrics.jsonl', 'results.json', 'grid.png')


def tiny(**changes: object) -> Config:
  config = presets_digits.dm('smoke,width=4')
  config.unlock()
  config.update_from_flattened_dict(
    {
      'steps': 12,
      'steps_per_call': 2,
      'log_every': 1,
      'checkpoint_every': 4,
      'seeds': 2,
      'evaluation.epochs': 2,
      'evaluation.seeds': 2,
      'whole.seeds': 1,
      **{key.replace('__', '.'): value for key, value in changes.items()},
    }
  )
  return config


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
    pipeline.execute(tiny(), tmp_path, stop=stop_after(5))
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
  herding = rdd_jax.load(whole_run / 'baselines' / 'herding')
  assert herding.images.shape == found.images.shape
  other = rdd_jax.load(whole_run / 'seeds' / '1')
  assert not np.array_equal(found.images, other.images)


def test_a_set_is_evaluated_by_the_networks_of_its_run(whole_run: Path):
  found = rdd_jax.load(whole_run)
  rows = evaluate.rows(found, judge.load(found.card), [], seeds=2)
  for metric, ours in rows['convnet'].items():
    theirs = found.card['numbers'][metric]['values']  # of two seeds
    assert ours['values'] == theirs[:2], metric


def test_compiles_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
  compiled = []
  original = program.compile_call

  def count(*args: object) -> program.Compiled:
    compiled.append(1)
    return original(*args)  # type: ignore[arg-type]

  monkeypatch.setattr(program, 'compile_call', count)
  pipeline.execute(tiny(baselines=('random',)), tmp_path)
  assert len(compiled) == 1


def test_nan_names_the_step_and_keeps_the_checkpoint(
  tmp_path: Path, stop_after
):
  pipeline_steps = tiny(steps=4, seeds=1)
  with pytest.raises(loop.Stopped):
    pipeline.execute(pipeline_steps, tmp_path, stop=stop_after(1))
  broken = tiny(seeds=1, optimizer__learning_rate=1e30)
  with pytest.raises(UserError, match=r'loss is (nan|inf) at step [34]') as e:
    pipeline.execute(broken, tmp_path)
  assert 'checkpoint of step 2' in str(e.value)
  assert (tmp_path / 'checkpoints' / '2').exists()


def test_ipc_above_the_class_size(tmp_path: Path):
  with pytest.raises(UserError, match='lower ipc'):
    pipeline.execute(tiny(synthetic__ipc=200), tmp_path)


OUTLIERS = {'factory': 'expose_outliers', 'corruptions': ('invert', 'speckle')}
TRAJECTORY = {
  'objective': namespace('trajectory', inner={'batch_size': 4, 'steps': 2}),
  'synthetic.step_size': 0.05,
}
VARIANTS = {
  'flat experts, soft labels (DATM), outliers and groups': {
    **TRAJECTORY,
    'synthetic.labels': 'soft',
    'synthetic.init': 'predicted',
    'synthetic.slots': 1,
    'experts.radius': 0.01,
    'experts.alpha': 0.3,
    'experts.opening': 1,
    'experts.expansion': 3,
    'experts.epochs': 4,
    'optimizer.skip_above': 2.0,
    'transform': {'balance': {}, 'outliers': OUTLIERS},
    'training': {'tilt': {'across': 'worst', 'tail': 0.5}},
    'prepare_every': 2,
  },
  'experts that train meanwhile': {
    **TRAJECTORY,
    'objective': {**TRAJECTORY['objective'], 'online': True},
  },
  'random windows of a student by Adam (RaT-BPTT)': {
    'objective': namespace(
      'unrolled',
      window=1,
      earliest=0,
      inner={'optimizer': 'adam', 'steps': 2},
    ),
    'optimizer.clip': 2.0,
    'synthetic.init': 'noise',
    'synthetic.slots': 1,
    'transform': {'outliers': OUTLIERS},
    'training': {'tilt': {'across': 'worst', 'tail': 0.5}},
    'student': {'outliers': OUTLIERS},
  },
  'soft labels': {'synthetic.labels': 'soft', 'optimizer.name': 'adam'},
  'stored outliers, reject class': {
    'transform': {'outliers': {**OUTLIERS, 'slots': 2}},
    'synthetic.slots': 2,
    'synthetic.reject': True,
  },
  'outliers on the fly': {'student': {'outliers': OUTLIERS}},
  'groups, and a network on real rows': {
    'transform': {'balance': {}},
    'training': {'tilt': {'across': 'worst', 'tail': 0.5}},
    'synthetic.space': 'pixels',
    'synthetic.factor': 2,
    'objective': namespace(
      'gradient',
      outer=2,
      inner={'data': 'real', 'steps': 2, 'cutmix': 0.5},
    ),
  },
}


SLOW = (
  'outliers on the fly',
  'groups, and a network on real rows',
  'stored outliers, reject class',
  'flat experts, soft labels (DATM), outliers and groups',
  'random windows of a student by Adam (RaT-BPTT)',
  'experts that train meanwhile',
)


@pytest.mark.parametrize(
  'variant',
  [
    pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW))
    for name in VARIANTS
  ],
)
def test_variants_run_from_end_to_end(variant: str, tmp_path: Path):
  digits = data.load('digits')
  groups = np.arange(len(digits.train_labels)) % 10 == 0
  np.savez(
    tmp_path / 'data.npz',
    train_images=digits.train_images,
    train_labels=digits.train_labels,
    test_images=digits.test_images,
    test_labels=digits.test_labels,
    train_groups=groups.astype(np.int32),
    test_groups=np.arange(len(digits.test_labels)) % 2,
  )
  config = tiny(seeds=1, baselines=('random',), whole__steps=0, steps=4)
  config.data.name = f'npz:{tmp_path / "data.npz"}'
  config.update_from_flattened_dict(VARIANTS[variant])
  results = pipeline.execute(config, tmp_path / 'run')
  assert 'worst_group' in results['rows']['distilled']
  found = rdd_jax.load(tmp_path / 'run')
  slots = config.synthetic.slots
  assert len(found.cells) == 10 + slots
  assert found.targets.shape[1] == 10 + config.synthetic.reject
  assert np.isfinite(found.images).all()
  if config.synthetic.step_size:
    rate = found.card['evaluation']['learning_rate']
    assert rate != config.evaluation.learning_rate
  if config.prepare_every:  # balancing twice changes nothing
    (buffer,) = (tmp_path / 'experts').iterdir()
    assert len(list(buffer.glob('*.f32'))) == config.experts.number


@pytest.mark.slow
@pytest.mark.parametrize('calls', [2, 4])
def test_trajectories_resume_among_experts_and_among_steps(
  tmp_path: Path, calls: int, stop_after
):
  config = tiny(seeds=1, baselines=('random',), whole__steps=0, steps=8)
  config.update_from_flattened_dict(TRAJECTORY)
  pipeline.execute(config, tmp_path / 'a' / 'run')
  with pytest.raises(loop.Stopped):
    pipeline.execute(config, tmp_path / 'b' / 'run', stop=stop_after(calls))
  begun = (tmp_path / 'b' / 'run' / 'checkpoints').exists()
  assert begun == (calls == 4)
  pipeline.execute(config, tmp_path / 'b' / 'run')
  for name in OUTPUTS:
    ours, theirs = (tmp_path / x / 'run' / name for x in 'ab')
    assert ours.read_bytes() == theirs.read_bytes(), name


@pytest.mark.slow
def test_experts_are_trained_anew_when_prepare_changes_the_measure(
  tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
  """A transform that trusts fewer rows each time."""

  def doubt(context: object) -> Transform:
    def prepare(measure, state, *, key, data):
      del key, data
      half = jnp.arange(len(measure.weights)) % (state + 2) > 0
      weights = jnp.where(half, measure.weights, 0.0)
      return replace(measure, weights=weights), state + 1

    return from_prepare(lambda spec: jnp.int32(0), prepare)

  monkeypatch.setitem(
    transforms.FACTORIES, 'doubt', Factory(doubt, ('measure',))
  )
  config = tiny(seeds=1, baselines=('random',), whole__steps=0, steps=4)
  config.update_from_flattened_dict(
    {**TRAJECTORY, 'transform': {'doubt': {}}, 'prepare_every': 2}
  )
  pipeline.execute(config, tmp_path / 'run')
  assert len(list((tmp_path / 'experts').iterdir())) == 2


def test_a_risk_over_groups_needs_groups(tmp_path: Path):
  config = tiny(transform={'balance': {}})
  with pytest.raises(UserError, match='this data set has none'):
    pipeline.execute(config, tmp_path)
