"""Runs of every kind go from end to end, and resume among their stages."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from end_to_end.run_cases import OUTPUTS, tiny
import jax.numpy as jnp
import numpy as np
import pytest

import rdd_jax
from rdd_jax import data
from rdd_jax.config.build import transforms
from rdd_jax.config.build.context import Factory
from rdd_jax.config.build.objectives import namespace
from rdd_jax.core.errors import UserError
from rdd_jax.core.transform import Transform, from_prepare
from rdd_jax.experiment import loop, pipeline

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
