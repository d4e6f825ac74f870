"""XLA's flags are set where they are ours to set."""

from __future__ import annotations

import importlib.util

import pytest

from rdd_jax.runtime.emitters import FORMER, OPTION, choose_emitters


@pytest.mark.parametrize(
  ('given', 'expected'),
  [
    ({}, FORMER),
    ({'JAX_PLATFORMS': 'cpu'}, FORMER),
    ({'JAX_PLATFORMS': 'cuda,cpu'}, None),
    ({'XLA_FLAGS': '--xla_x=1'}, f'--xla_x=1 {FORMER}'),
    ({'XLA_FLAGS': f'{OPTION}=a'}, f'{OPTION}=a'),
    ({'XLA_FLAGS': FORMER}, FORMER),
  ],
)
def test_flags_of_the_user_stay(monkeypatch, given, expected):
  monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
  env = dict(given)
  choose_emitters(env)
  assert env.get('XLA_FLAGS') == expected


def test_where_another_device_may_be_found_nothing_is_set(monkeypatch):
  monkeypatch.setattr(importlib.util, 'find_spec', lambda name: name)
  env: dict[str, str] = {}
  choose_emitters(env)
  assert env == {}
