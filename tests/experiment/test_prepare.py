"""Whoever prepares a measure tells how far it is, and stops when asked."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax.core.measure import empirical
from rdd_jax.experiment import prepare
from rdd_jax.experiment.loop import unless_moved


def look_at(state: list[str], view: Any) -> list[str]:
  for stage in ('patches', 'probes'):
    view.tell(stage, 0, 2)
    state = [*state, stage]
  return state


EXPERIMENT: Any = SimpleNamespace(distiller=SimpleNamespace(prepare=look_at))


def run(stop) -> Any:
  state: Any = []
  zeros = jnp.zeros(1)
  return prepare.prepared(EXPERIMENT, state, zeros, zeros, stop)


def test_stages_are_shown(capsys):
  assert run(lambda: False) == ['patches', 'probes']
  shown = capsys.readouterr().err
  assert shown == 'preparing: patches 0/2\npreparing: probes 0/2\n'


def test_it_stops_before_the_next_stage(capsys):
  answers = iter([False, True])
  with pytest.raises(prepare.Stopped):
    run(lambda: next(answers))
  assert 'probes' in capsys.readouterr().err


def test_a_measure_that_is_the_same_is_kept_however_targets_are_held():
  hard = empirical([0, 1, 2], 3)
  array = replace(hard, targets=hard.targets[:])
  soft = replace(hard, targets=0.9 * hard.targets[:])
  for before, after in ((hard, hard), (array, hard), (array, array)):
    assert unless_moved(before, after) is before
  for before, after in ((hard, soft), (array, soft)):
    kept = unless_moved(before, after)
    np.testing.assert_array_equal(kept.targets, soft.targets)
  np.testing.assert_array_equal(
    unless_moved(soft, hard).targets, hard.targets[:]
  )
