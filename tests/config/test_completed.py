"""Flags set whatever field their network or objective takes."""

from __future__ import annotations

from pathlib import Path

from absl import flags
from ml_collections import config_flags
import pytest

from rdd_jax import networks
from rdd_jax.config import defaults, typed, unasked
from rdd_jax.config.build.objectives import OBJECTIVES, namespace
from rdd_jax.config.completed import complete
from rdd_jax.config.defaults import Config
from rdd_jax.core.errors import UserError

# Of ml_collections, as it reads a configuration.
pytestmark = pytest.mark.filterwarnings('ignore:the load_module')
FILE = """
from rdd_jax.config.presets.registry import preset
get_config = preset('tad', 'digits', width=4)
"""
OWN = """
from rdd_jax.objectives import Objective
def mine(context, *, count, rows=3, **more) -> Objective: ...
def strict(context, *, count, rows=3) -> Objective: ...
"""


def given(tmp_path: Path, monkeypatch, *more: str) -> tuple[Config, dict]:
  """What a file and flags make, and what the flags set."""
  file = tmp_path / 'tad.py'
  file.write_text(FILE)
  argv = ['main', f'--config={file}', *(f'--config.{x}' for x in more)]
  values = flags.FlagValues()
  monkeypatch.setattr('sys.argv', argv)
  monkeypatch.setattr(flags, 'FLAGS', values)
  holder = config_flags.DEFINE_config_file('config', flag_values=values)
  typed.completed('config')
  values(argv)
  return holder.value, config_flags.get_override_values(values['config'])


@pytest.mark.parametrize('name', networks.NETWORKS)
def test_every_field_of_every_network_can_be_set(name: str):
  for field, default in networks.options_of(name).items():
    config = defaults.config()
    complete(config, {'network.name': name, f'network.{field}': ''})
    config.network.name = name
    if field not in defaults.config().network:
      assert config.network[field] == default
    options = config.network.to_dict()
    assert networks.build(options.pop('name'), 2, **options)
    with pytest.raises(UserError, match=f"'{field}x': did you mean '{field}'"):
      complete(
        defaults.config(), {'network.name': name, f'network.{field}x': 1}
      )


@pytest.mark.parametrize('name', OBJECTIVES)
def test_every_field_of_every_objective_can_be_set(name: str):
  whole = namespace(name)
  for field in whole.keys() - {'name'}:
    config = defaults.config()
    complete(config, {'objective.name': name, f'objective.{field}': ''})
    assert field in config.objective
    assert set(config.objective) <= set(whole)
    assert config.objective[field] == defaults.Config(whole)[field]


def test_flags_set_fields_that_a_file_does_not_name(tmp_path, monkeypatch):
  found, overrides = given(
    *(tmp_path, monkeypatch, 'network.norm=batch', 'network.growth=2'),
    *('objective.name=gradient', 'objective.inner.steps=7'),
  )
  assert found.network.to_dict() == {
    **{'name': 'convnet', 'width': 4, 'depth': 2, 'dtype': 'float32'},
    **{'norm': 'batch', 'growth': 2},
  }
  assert found.objective.inner.steps == 7
  assert 'batch_size' in found.objective.inner
  assert found.is_locked
  other = {**overrides, 'data.name': 'folder:/x'}  # is not that of the preset
  found.data.name = 'folder:/x'
  plain, lines = unasked.own_data(found, f'{tmp_path}/tad.py', other)
  assert lines
  assert plain.network == found.network
  assert plain.objective == found.objective


def test_another_network_leaves_the_fields_of_the_former(tmp_path, monkeypatch):
  found, _ = given(tmp_path, monkeypatch, 'network.name=vit:heads=2')
  assert found.network.depth == 2
  found, _ = given(tmp_path, monkeypatch, 'network.name=resnet18')
  assert found.network.to_dict() == {
    **{'name': 'resnet18', 'width': 4, 'dtype': 'float32'},
  }


@pytest.mark.parametrize(
  ('flag', 'words'),
  [
    ('network.nor=batch', "of convnet.* 'nor': did you mean 'norm'"),
    ('network.name=vit2', "unknown network 'vit2': did you mean 'vit'"),
    ('objective.outer=3', "takes no field 'outer', which gradient"),
  ],
)
def test_what_no_field_is_is_refused(tmp_path, monkeypatch, flag, words):
  with pytest.raises((UserError, flags.Error), match=words):
    given(tmp_path, monkeypatch, flag)


def test_fields_that_are_elsewhere_now_are_left_to_their_message():
  config = defaults.config()
  complete(config, {'objective.ridge': '3', 'objective.real_rows': '3'})
  assert config == defaults.config()


def test_options_of_one_s_own_objective(tmp_path: Path, monkeypatch):
  (tmp_path / 'owned_one.py').write_text(OWN)
  monkeypatch.syspath_prepend(tmp_path)
  config = defaults.config()
  name = 'owned_one:strict'
  complete(config, {'objective.name': name, 'objective.rows': '4'})
  assert config.objective.to_dict() == {'name': 'distribution', 'rows': 3}
  with pytest.raises(UserError, match='there is count, rows'):
    complete(config, {'objective.name': name, 'objective.row_s': '4'})
  config = defaults.config()
  complete(config, {'objective.name': 'owned_one:mine', 'objective.x': '4'})
  assert config == defaults.config()
