"""Fields of a network or an objective that flags name and a preset does not.

A preset names few fields of its network, and its network may have more; and a
flag may name another network, which has others.
"""

from __future__ import annotations

from collections.abc import Mapping
import copy
from typing import Any

from rdd_jax import networks
from rdd_jax.config.build.objectives import namespace, refuse_others
from rdd_jax.config.defaults import Config
from rdd_jax.core import plugins
from rdd_jax.core.errors import choose
from rdd_jax.runtime.renamed import find


def complete(config: Config, given: Mapping[str, Any]) -> None:
  """Adds the fields that flags set, and drops those of another name.

  A field is added if the network, or the objective, takes it. Where its name is
  given too, those of the former one that it does not take are dropped.

  Args:
    config: of a file, changed in place.
    given: what flags set, by path.

  Raises:
    UserError: for a field that is not one of its network or objective.

  >>> from rdd_jax.config import defaults
  >>> config = defaults.config()
  >>> complete(config, {'network.name': 'resnet18', 'network.norm': 'batch'})
  >>> sorted(config.network)
  ['dtype', 'name', 'norm', 'width']
  """
  for group, takes in (('network', _network), ('objective', _objective)):
    own = {
      path.split('.')[1]: value
      for path, value in given.items()
      if path.startswith(f'{group}.') and not find(path)  # it is elsewhere
    }
    if not own or group in given or 'name' not in config.get(group, {}):
      continue
    named = own.pop('name', None)
    fields = takes(named or config[group].name, own)
    if fields is None:
      continue
    with config.unlocked():
      for field in [*config[group]]:
        if named and field not in fields:
          del config[group][field]
      for field in own.keys() - set(config[group]):
        config[group][field] = copy.deepcopy(fields[field])


def _network(name: str, own: Mapping[str, Any]) -> dict[str, Any]:
  """Returns all fields of a network, which those that are set are among."""
  kind, given = networks.parse(name)
  fields = networks.options_of(kind)
  for field in own:
    choose(f'field of --config.network (of {kind})', field, fields)
  return {'name': name, **fields, **given}


def _objective(name: str, own: Mapping[str, Any]) -> dict[str, Any] | None:
  """Returns all fields of an objective; None where any may be one."""
  if plugins.is_own(name):
    where = f'config.objective.name={name}'
    found = plugins.options(where, name)
    if found is None:
      return None
    for field in own:
      choose(f'option of {where}', field, found)
    return {'name': name, **found}
  fields = namespace(name)
  refuse_others(name, {field: {} for field in own})
  return fields
