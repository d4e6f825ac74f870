"""Nothing is injected into a user's data that he did not ask for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from helpers import ROOT
import pytest

from rdd_jax.config.defaults import Config
from rdd_jax.config.unasked import own_data
from rdd_jax.core.errors import UserError

MINE = {'data.name': 'folder:/mine'}


def built(
  file: str, arg: str, overrides: Mapping[str, Any]
) -> tuple[Config, list[str]]:
  path = str(ROOT / 'configs' / file)
  found: dict[str, Any] = {}
  exec((ROOT / 'configs' / file).read_text(), found)
  config = found['get_config'](arg)
  config.update_from_flattened_dict(overrides)
  return own_data(config, f'{path}:{arg}', overrides)


@pytest.mark.parametrize(
  ('file', 'names'),
  [
    ('tad_digits.py', ['noise']),
    ('groupdro_digits.py', ['rare']),
    ('all_three_digits.py', ['noise', 'rare']),
    ('quickstart.py', ['noise', 'rare']),
  ],
)
def test_defaults_stay_with_their_data(file: str, names: list[str]):
  config, lines = built(file, 'ipc=2', MINE)
  assert (config.data.noise, config.data.rare) == ('', '')
  assert (config.data.name, config.synthetic.ipc) == ('folder:/mine', 2)
  assert len(lines) == len(names)
  for name, line in zip(names, lines, strict=True):
    assert f'{file}:ipc=2,{name}=' in line
    assert '\n' not in line
  for variant in config.variants.to_dict().values():
    assert 'data' not in variant
  for arg in ('ipc=2', 'ipc=2,smoke'):  # its own data, and what stands for it
    config, lines = built(file, arg, {'data.name': 'digits', 'steps': 9})
    assert not lines
    assert all(config.data[name] for name in names)


def test_what_is_asked_for_is_obeyed():
  config, lines = built('tad_digits.py', 'noise=symmetric-0.4', MINE)
  assert (config.data.noise, lines) == ('symmetric-0.4', [])
  config, lines = built('tad_digits.py', '', {**MINE, 'data.noise': 'pair-0.1'})
  assert (config.data.noise, lines) == ('pair-0.1', [])
  config, lines = built('quickstart.py', 'rare=line-0.2', MINE)
  assert (config.data.noise, config.data.rare) == ('', 'line-0.2')
  assert len(lines) == 1


def test_groups_that_are_not_made_are_found():
  config, _ = built('groupdro_digits.py', '', MINE)
  assert config.transform.groups.finder == 'found'


def test_other_overrides_are_kept():
  config, _ = built('tad_digits.py', '', {**MINE, 'transform.trust.size': 7})
  assert config.transform.trust.size == 7
  path = str(ROOT / 'configs' / 'tad_digits.py')
  with pytest.raises(UserError, match='there is no field'):
    own_data(config, path, {**MINE, 'nowhere.x': 1})
