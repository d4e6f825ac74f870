"""Scores of rows in a run: they are kept, and a run that stops leaves them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rdd_jax.config.presets.registry import preset
from rdd_jax.experiment import baselines, difficulty, loop
from rdd_jax.experiment.kept import Kept
from rdd_jax.experiment.trial import Trial, load_trial


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
  for name, value in (('EPOCHS', 3), ('EARLY', 1), ('NETWORKS', 2)):
    monkeypatch.setattr(difficulty, name, value)


def begun(path: Path) -> Trial:
  config = preset('dm', 'digits')('smoke,ipc=2')
  kept = Kept(path / 'baselines')
  return load_trial(config, path / 'run')._replace(kept=kept)


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
  return begun(tmp_path)


@pytest.fixture(scope='module')
def shared(tmp_path_factory: pytest.TempPathFactory) -> Trial:
  """One whose scores several baselines share, as in a run."""
  return begun(tmp_path_factory.mktemp('shared'))


@pytest.mark.parametrize('name', difficulty.SCORED)
def test_a_baseline_has_rows_of_each_class_and_another_seed_others(
  shared, name
):
  trial = shared
  found = baselines.baseline(trial, name, 0)
  classes = trial.dataset.num_classes
  np.testing.assert_array_equal(
    found.cells, np.repeat(np.arange(classes), len(found.cells) // classes)
  )
  again = baselines.baseline(trial, name, 0)
  np.testing.assert_array_equal(found.images, again.images)
  other = baselines.baseline(trial, name, 1)
  assert np.any(found.images != other.images)


def test_runs_share_scores(trial, tmp_path, monkeypatch):
  rows = difficulty.rows(trial, 'ccs', 0)
  monkeypatch.setattr(difficulty, 'scores', None)  # none are made again
  beside = trial._replace(workdir=tmp_path / 'other')
  np.testing.assert_array_equal(difficulty.rows(beside, 'ccs', 0), rows)


def test_a_run_that_stops_while_rows_are_scored_leaves_nothing(trial):
  told = []

  def tell(trained: int, left: int) -> None:
    told.append(left)
    if len(told) == 4:
      raise loop.Stopped

  with pytest.raises(loop.Stopped):
    difficulty.rows(trial._replace(tell=tell), 'el2n', 0)
  assert told == [5, 4, 3, 2]
  assert not (trial.workdir / 'evaluations' / 'difficulty-0.json').exists()
  told.clear()
  difficulty.rows(
    trial._replace(tell=lambda _, left: told.append(left)), 'el2n', 0
  )
  assert told == [5, 4, 3, 2, 1, 0]
