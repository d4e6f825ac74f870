"""Whoever prepares a measure tells how far it is, and stops when asked."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import jax.numpy as jnp
import pytest

from rdd_jax.experiment import prepare


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
