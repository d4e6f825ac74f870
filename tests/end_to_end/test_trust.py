"""Diversion within a run: resumed, on several devices, and on clean labels."""

from __future__ import annotations

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax.config.build import data
from rdd_jax.config.build import experiment as build
from rdd_jax.config.defaults import Config
from rdd_jax.config.presets.label_noise import tad
from rdd_jax.config.presets.methods import METHODS
from rdd_jax.core.measure import Measure, empirical
from rdd_jax.core.transform import DataView
from rdd_jax.experiment import loop, pipeline
from rdd_jax.report.label_noise import diversions
from rdd_jax.robust.label_noise.record import DivertState
from rdd_jax.runtime import distributed as meshes

OUTPUTS = (
  'distilled.npz',
  'relabelled.npz',
  'trust.json',
  'metrics.jsonl',
  'results.json',
)


def tiny(defense: str) -> Config:
  """Eight steps; prepared anew, or divided anew, after each second one."""
  config = tad('digits', f'smoke,width=4,defense={defense}')
  config.devices = 1
  config.steps, config.steps_per_call, config.checkpoint_every = 8, 1, 3
  config.prepare_every = 2
  if defense == 'tad_fixed':
    config.transform.trust.later = 3
  config.evaluation.epochs, config.evaluation.seeds = 1, 1
  config.baselines, config.whole.steps = ('initial',), 0
  return config


@pytest.fixture(scope='module', params=['tad', 'tad_fixed'])
def whole(
  request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
  directory = tmp_path_factory.mktemp('whole')
  pipeline.execute(tiny(request.param), directory)
  return request.param, directory


@pytest.mark.slow
@pytest.mark.parametrize('calls', [1, 2, 5])
def test_a_run_that_divides_anew_resumes_exactly(
  whole: tuple[str, Path], tmp_path: Path, calls: int, stop_after
):
  defense, directory = whole
  # As it was: 4 at first, and one after 2, 4 and 6 steps.
  rows = json.loads((directory / 'trust.json').read_text())
  assert len(rows) == (1 if defense == 'tad' else 7)
  with pytest.raises(loop.Stopped):
    pipeline.execute(tiny(defense), tmp_path, stop=stop_after(calls))
  pipeline.execute(tiny(defense), tmp_path)
  for name in OUTPUTS:
    expected = (directory / name).read_bytes()
    assert (tmp_path / name).read_bytes() == expected, name


def divided(config: Config, devices: int) -> tuple[Measure, DivertState]:
  """The prepared measure, without distillation."""
  dataset = data.load(config)
  preprocess = build.preprocessing(config, dataset)
  experiment = build.build(config, dataset, preprocess)
  transform = experiment.distiller
  measure = empirical(dataset.train_labels, experiment.spec.num_outputs)
  mesh = meshes.make_mesh(devices)
  with meshes.use(mesh):
    images, labels, measure = meshes.replicate(
      (dataset.train_images, dataset.train_labels, measure), mesh
    )
    params = experiment.initial(jax.random.key(1), images, measure)
    state = transform.init(jax.random.key(0), experiment.spec, params, measure)
    state = transform.prepare(state, DataView(images, labels, pytest.fail))
    (found,) = diversions(state.transform)
    return jax.device_get((state.measure, found))


@pytest.mark.slow
def test_two_devices_trust_whom_one_does():
  config = tad('digits', 'smoke,width=4')
  one, first = divided(config, 1)
  two, second = divided(config, 2)
  # Sums round in another order; rows at a boundary may fall either way.
  assert np.mean(first.trusted != second.trusted) < 0.01
  assert np.mean(np.asarray(one.cells) != np.asarray(two.cells)) < 0.01
  np.testing.assert_allclose(first.losses, second.losses, rtol=1e-2, atol=1e-2)


@pytest.mark.slow
def test_clean_digits_are_kept():
  """Real images without noise: nearly all, and of each class nearly all."""
  config = tad('digits', 'noise=symmetric-0.0,width=16')
  _, state = divided(config, 1)
  labels = data.load(config).train_labels
  kept = jnp.asarray(state.trusted[-1])
  assert kept.mean() >= 0.97
  for c in range(10):
    assert kept[labels == c].mean() >= 0.95


@pytest.mark.slow
@pytest.mark.parametrize('method', METHODS)
def test_every_method_takes_diverted_data(tmp_path: Path, method: str):
  config = tad('fashion_mnist', f'smoke,width=4,method={method}')
  config.devices, config.whole.steps, config.evaluation.epochs = 1, 0, 1
  config.baselines = ()
  found = pipeline.execute(config, tmp_path / 'run')
  assert found['rows']['distilled']['accuracy']['n'] == 2
  assert len(json.loads((tmp_path / 'run' / 'trust.json').read_text())) == 1
