"""Leaves out of a user's data what a preset injects into its own data set.

The files of `configs/` make labels wrong and groups rare by default, for the
numbers that they were published with. On other data that is done only where it
was asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
import runpy
from typing import Any

from absl import flags
from ml_collections import config_flags

from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import registry
from rdd_jax.core.errors import UserError

INJECTED = {'noise': 'label noise', 'rare': 'a rare group'}


def for_its_data(flag: str, config: Config) -> Config:
  """Returns a flag's configuration without what nobody asked for, and says so.

  Args:
    flag: whose file and fields made it.
    config: of that flag.
  """
  own, lines = own_data(
    config,
    config_flags.get_config_filename(flags.FLAGS[flag]),
    config_flags.get_override_values(flags.FLAGS[flag]),
    flag,
  )
  for line in lines:
    print(line, flush=True)
  return own


def own_data(
  config: Config, given: str, overrides: Mapping[str, Any], flag: str = 'config'
) -> tuple[Config, list[str]]:
  """Returns the configuration without what nobody asked for, and what that was.

  Where the data set is another than that of a preset, the preset is built again
  without the label noise and the rare group of its defaults; then whatever was
  overridden is set again. What stands in the argument string is obeyed, and so
  is a file of one's own.

  Args:
    config: as it was built, and overridden.
    given: `FILE.py:ARGUMENTS`.
    overrides: values of the fields that flags set, by path.
    flag: for what to type.

  Returns:
    The configuration, and a line for each thing that was left out.

  Raises:
    UserError: if a field that a flag sets is not there without them.
  """
  path, _, arg = given.partition(':')
  if not any(field.partition('.')[0] == 'data' for field in overrides):
    return config, []
  get_config = runpy.run_path(path).get('get_config')
  if get_config is None or get_config.__module__ != registry.__name__:
    return config, []
  preset = get_config(arg)
  left = defaults_of(preset, arg)
  whole = overrides.get('data') or {}  # as a dictionary
  left = {
    name: value
    for name, value in left.items()
    if f'data.{name}' not in overrides and name not in whole
  }
  if preset.data.name == config.data.name or not left:
    return config, []
  from rdd_jax.config.completed import complete  # imports JAX

  plain = _without(get_config, arg, left)
  complete(plain, overrides)
  with plain.unlocked():
    try:
      plain.update_from_flattened_dict(overrides)
    except (KeyError, AttributeError, TypeError) as error:
      raise UserError(
        f'without {" and ".join(left)} of {path}, which are of '
        f'{preset.data.name} and not of {config.data.name}, there is no field '
        f'{error}: give it no value, or say what is injected, '
        f'--{flag}={path}:' + ','.join(f'{k}={v}' for k, v in left.items())
      ) from error
  plain.lock()
  return plain, [
    f'{INJECTED[name]} ({value}), which {path} puts into {preset.data.name}, '
    f'is left out of {config.data.name}; to have it, give '
    f'--{flag}={path}:{arg + "," if arg else ""}{name}={value}'
    for name, value in left.items()
  ]


def defaults_of(preset: Config, arg: str) -> dict[str, str]:
  """Returns what a preset injects without having been asked.

  Args:
    preset: built by `arg`.
    arg: the argument string.

  >>> from rdd_jax.config.presets.label_noise import tad
  >>> defaults_of(tad('digits'), 'ipc=1')
  {'noise': 'symmetric-0.4'}
  >>> defaults_of(tad('digits', 'noise=pair-0.2'), 'noise=pair-0.2')
  {}
  """
  asked = {item.partition('=')[0] for item in arg.split(',')}
  return {
    name: preset.data[name]
    for name in INJECTED
    if preset.data[name] and name not in asked
  }


def _without(
  get_config: Callable[[str], Config], arg: str, left: Mapping[str, str]
) -> Config:
  return get_config(','.join([arg, *(f'{name}=' for name in left)]))
